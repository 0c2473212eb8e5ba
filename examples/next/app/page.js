import { Counter } from "./client/counter.js";
import secrets from "./secrets.enc.yaml";

export const dynamic = "force-dynamic";

export default function Page() {
  return (
    <main>
      <p>{`${secrets.db.host}, password of ${secrets.db.pass.length} characters`}</p>
      <Counter />
    </main>
  );
}
