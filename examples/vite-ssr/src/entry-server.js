import secrets from "./secrets.enc.yaml";

export function render() {
  return `${secrets.db.host}, password of ${secrets.db.pass.length} characters`;
}
