// node convert.mjs WASM JSON: images of a file through the package, for Python to compare. JSON is a list of
// {kind, input, output, width, height, options, image}; WASM names the file of the package, "" the one that it chooses itself.
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { Enhancer, enhance, curveMap, init, supported } from "dcelite";

const [wasm, list] = process.argv.slice(2);
if (wasm) await init(readFile(createRequire(import.meta.url).resolve(`dcelite/${wasm}`)));

for (const { kind, input, output, width, height, options, model, image } of JSON.parse(list)) {
  const data = new Uint8Array(await readFile(input));
  const all = { ...options, ...(model && { model: await readFile(model) }) };
  let result;
  if (kind === "enhance") result = (await enhance({ data, width, height }, all)).data;
  else if (kind === "map") result = new Uint8Array((await curveMap({ data, width, height }, all)).data.buffer);
  else {
    const enhancer = await Enhancer.create(all);
    if (kind === "yuv") result = enhancer.enhanceYuv({ data, width, height, ...image }).data;
    else if (kind === "display") result = enhancer.enhanceToRgba({ data, width, height, ...image }).data;
    else if (kind === "video")
      for (let frame = 0, size = 4 * width * height; frame < data.length; frame += size) enhancer.enhance({ data: data.subarray(frame, frame + size), width, height });
    else throw new Error(kind);
    await writeFile(output, result ?? data);
    enhancer.close();
    continue;
  }
  await writeFile(output, result);
}
console.log(supported());
