/** Files that programs import as modules: `secrets.enc.yaml`, `app.enc.json`, `.env.enc`. */
export const encryptedModule: RegExp = /(?:\.enc\.(?:ya?ml|json|env|ini)|\.env\.enc)$/;
