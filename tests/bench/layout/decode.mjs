// node decode.mjs <view.mjs> <payload or JSON, gzipped>: read it once in a fresh process, as a page does that shows one
// graph. Prints a line of JSON with the milliseconds of CPU time.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";

const [bundle, file] = process.argv.slice(2);
const { decode } = await import(pathToFileURL(bundle).href);
const packed = readFileSync(file);
const read = file.endsWith(".json.gz")
  ? (bytes) => JSON.parse(bytes.toString())
  : (bytes) => decode(new Uint8Array(bytes));

const before = process.cpuUsage();
read(gunzipSync(packed));
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${JSON.stringify({ ms: (user + system) / 1000 })}\n`);
