// A photograph: opened, enhanced as the sliders move, saved at full size.
import { Caller, download, element, say, sliders, splits } from "./shared.js";
import { dimensions } from "./dimensions.js";

const MOST_PIXELS = 50e6; // 12 bytes each: the picture, its copy, the result

export function photo() {
  const worker = new Caller();
  const canvases = ["photo-before", "photo-after"].map((id) => element(id).transferControlToOffscreen());
  const ready = worker.call("canvases", { before: canvases[0], after: canvases[1] }, canvases);
  let name = null; // of the picture that is open
  let generation = 0; // of pictures: what comes late is dropped
  let isWorking = false, isAsked = false;
  const settings = sliders("photo", ["strength", "denoise"], () => enhance());
  splits("photo");

  async function open(file, title = file.name) {
    const mine = ++generation;
    say("photo", `Opening ${title} …`);
    try {
      const bitmap = await decode(file, title);
      if (mine !== generation) return bitmap.close();
      await ready;
      const { width, height } = bitmap;
      await worker.call("picture", { bitmap }, [bitmap]);
      element("photo-view").style.setProperty("--ratio", width / height);
      name = title;
      element("photo-type").value = file.type === "image/png" ? "image/png" : "image/jpeg";
      element("photo-save").disabled = false;
      await enhance();
    } catch (error) {
      if (mine === generation) say("photo", error.message, true);
    }
  }

  // The newest settings win: while one picture is made, others only ask for the next.
  async function enhance() {
    if (name === null) return;
    isAsked = true;
    if (isWorking) return;
    isWorking = true;
    try {
      while (isAsked) {
        isAsked = false;
        const { width, height, milliseconds } = await worker.call("enhance", settings());
        say("photo", `${name}: ${width} × ${height}, enhanced in ${milliseconds.toFixed(0)} ms`);
      }
    } catch (error) {
      say("photo", error.message, true);
    } finally {
      isWorking = false;
    }
  }

  async function save() {
    const type = element("photo-type").value;
    try {
      const blob = await worker.call("save", { type });
      download(blob, `${name.replace(/\.[^.]*$/, "")}_enhanced.${type === "image/png" ? "png" : "jpg"}`);
    } catch (error) {
      say("photo", error.message, true);
    }
  }

  async function sample() {
    try {
      const response = await fetch("./sample.jpg");
      if (!response.ok) throw new Error(`The sample cannot be loaded: status ${response.status}.`);
      await open(await response.blob(), "sample.jpg");
    } catch (error) {
      say("photo", error.message, true);
    }
  }

  element("photo-file").addEventListener("change", ({ target }) => target.files[0] && open(target.files[0]).then(() => (target.value = "")));
  element("photo-sample").addEventListener("click", sample);
  element("photo-save").addEventListener("click", save);
  return { open };
}

// Turned as its EXIF orientation says.
async function decode(file, title) {
  const size = dimensions(new Uint8Array(await file.slice(0, 1 << 20).arrayBuffer()));
  const check = ({ width, height }) => {
    if (width * height > MOST_PIXELS)
      throw new Error(`${title} has ${width} × ${height} pixels, ${(width * height / 1e6).toFixed(0)} million; this page takes 50 million at most.`);
  };
  if (size) check(size);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error(`${title} cannot be read: a picture that this browser shows was wanted (JPEG, PNG, WebP, AVIF), whole.`);
  }
  try {
    check(bitmap);
  } catch (error) {
    bitmap.close();
    throw error;
  }
  return bitmap;
}
