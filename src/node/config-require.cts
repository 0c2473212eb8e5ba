/** What `require("sopsmith/config")` gets: decryption is asynchronous, and `require` cannot wait. */
throw new Error(
  'sopsmith/config cannot be loaded with require(): start the program with "node --import sopsmith/config", or load it with await import("sopsmith/config").',
);
