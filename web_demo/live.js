// The camera, or a video file: each frame goes to the worker, one at a time; those that come meanwhile are not shown.
import { Caller, element, say, sliders, splits } from "./shared.js";

const REASONS = {
  NotAllowedError: "The camera was refused. Allow it for this page in the browser's settings, then start it again.",
  SecurityError: "The camera is not allowed for this page.",
  NotFoundError: "There is no camera on this device.",
  NotReadableError: "The camera is busy: another program has it.",
  AbortError: "The camera could not be started.",
  OverconstrainedError: "The camera has no such size.",
};

export function live() {
  const worker = new Caller();
  const video = element("live-video");
  const canvas = element("live-after").transferControlToOffscreen();
  const ready = worker.call("live", { canvas }, [canvas]);
  const settings = sliders("live", ["strength", "denoise", "smoothing"], () => {});
  let source = null; // what ends with the session: a stream, or the address of a file
  let session = 0;
  splits("live");

  function stop() {
    ++session;
    if (source === null) return;
    video.pause();
    if (source.stream) for (const track of source.stream.getTracks()) track.stop();
    video.srcObject = null;
    if (source.url) {
      video.removeAttribute("src");
      URL.revokeObjectURL(source.url);
    }
    source = null;
    element("live-stop").disabled = true;
    say("live", "Stopped.");
  }

  async function start(title, attach) {
    stop();
    const mine = session;
    try {
      await ready;
      const next = await attach(mine);
      if (mine !== session) return next.stream?.getTracks().forEach((track) => track.stop());
      source = next;
      await video.play();
      if (mine !== session) return;
      element("live-stop").disabled = false;
      element("live-view").style.setProperty("--ratio", video.videoWidth / video.videoHeight);
      say("live", `${title}: ${video.videoWidth} × ${video.videoHeight}`);
      await worker.call("reset");
      await pump(mine);
    } catch (error) {
      if (mine !== session) return;
      stop();
      say("live", REASONS[error.name] ?? error.message, true);
    }
  }

  const camera = () =>
    start("Camera", async () => {
      if (!navigator.mediaDevices?.getUserMedia) throw new Error("The camera needs a page that is served by https, or from this device.");
      const [width, height] = element("live-size").value.split("x").map(Number);
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 60 } } });
      video.srcObject = stream;
      stream.getVideoTracks()[0].addEventListener("ended", () => source?.stream === stream && (stop(), say("live", "The camera was taken away.", true)));
      return { stream };
    });

  const open = (file) =>
    start(file.name, async () => {
      const url = URL.createObjectURL(file);
      video.src = url;
      await new Promise((resolve, reject) => {
        video.onloadeddata = resolve;
        video.onerror = () => (URL.revokeObjectURL(url), reject(new Error(`${file.name} cannot be played: a video that this browser plays was wanted.`)));
      });
      return { url };
    });

  const nextFrame = () =>
    new Promise((resolve) => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(resolve) : requestAnimationFrame(resolve)));

  async function pump(mine) {
    const times = []; // of the last second
    for (;;) {
      await nextFrame();
      if (mine !== session) return;
      const frame = typeof VideoFrame === "function" ? new VideoFrame(video) : await createImageBitmap(video);
      const stages = await worker.call("frame", { frame, ...settings() }, [frame]);
      if (mine !== session) return;
      times.push({ at: performance.now(), ...stages });
      show(times);
    }
  }

  let shown = 0;
  function show(times) {
    const now = times.at(-1).at;
    while (times[0].at < now - 1000) times.shift();
    if (now - shown < 250) return;
    shown = now;
    const mean = (name) => times.reduce((sum, time) => sum + time[name], 0) / times.length;
    const rate = times.length > 1 ? ((times.length - 1) * 1000) / (now - times[0].at) : 0;
    const cells = [rate.toFixed(1), ...["enhancing", "reading", "network", "curve", "denoise", "drawing"].map((name) => `${mean(name).toFixed(1)} ms`)];
    for (const [i, cell] of [...element("live-numbers").cells].entries()) cell.textContent = cells[i];
  }

  element("live-camera").addEventListener("click", camera);
  element("live-stop").addEventListener("click", stop);
  element("live-file").addEventListener("change", ({ target }) => target.files[0] && open(target.files[0]).then(() => (target.value = "")));
  return { open, stop };
}
