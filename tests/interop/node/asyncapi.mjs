// Reads an AsyncAPI document with the official parser. Prints what it finds as JSON: is it valid, and every remark.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const remarks = diagnostics.map(({ code, message, path }) => `${code} at ${path.join("/")}: ${message}`);
process.stdout.write(JSON.stringify({ valid: document !== undefined, remarks }));
