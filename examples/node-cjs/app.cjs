const { DB_HOST, DB_PASS } = process.env;

console.log(DB_HOST);
console.log(`password of ${DB_PASS.length} characters`);
