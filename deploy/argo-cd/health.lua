-- Health of a SopsSecret for Argo CD, from the conditions that sopsmith's operator sets. An object of sops-secrets-operator has
-- only a message.
local status = obj.status or {}
local ready
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Suspended" and condition.status == "True" then
    return { status = "Suspended", message = condition.message }
  end
  if condition.type == "Ready" then ready = condition end
end
if ready == nil then
  if status.message == nil then
    return { status = "Progressing", message = "waiting for the operator" }
  end
  if status.message == "Healthy" then return { status = "Healthy", message = status.message } end
  return { status = "Degraded", message = status.message }
end
if (status.observedGeneration or 0) < (obj.metadata.generation or 0) then
  return { status = "Progressing", message = "waiting for the operator to see the latest change" }
end
if ready.status == "True" then return { status = "Healthy", message = ready.message } end
if ready.status == "Unknown" then return { status = "Progressing", message = ready.message } end
return { status = "Degraded", message = ready.message }
