// node write.mjs <name> <file>: one graph of graphs.mjs as JSON.
import { writeFileSync } from "node:fs";
import { GRAPHS } from "./graphs.mjs";

const [name, file] = process.argv.slice(2);
writeFileSync(file, JSON.stringify(GRAPHS[name](name)));
