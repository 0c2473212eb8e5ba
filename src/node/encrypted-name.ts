/** Files that programs import as modules: `secrets.enc.yaml`, `app.enc.json`, `.env.enc`. */
export const ENCRYPTED_MODULE: RegExp = /(?:\.enc\.(?:ya?ml|json|env|ini)|\.env\.enc)$/;
