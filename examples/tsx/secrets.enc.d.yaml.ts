// Made by sopsmith types from secrets.enc.yaml: run it again when keys change.
export type Values = {
  db: {
    host: string;
    port: number;
    pass: string;
  };
};

/** The values of secrets.enc.yaml, decrypted. */
declare const values: Values;
export default values;
