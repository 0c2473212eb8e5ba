import sopsmith from "sopsmith/vite";

export default { plugins: [sopsmith()], test: { include: ["*.example.js"] } };
