// A feeling from a face: the camera is asked for once its owner agrees, and one picture goes to the dashboard.

import { find } from "./dom.js";

const WIDTH = 640; // pixels of the picture that is sent
const QUALITY = 0.85; // of JPEG

export class FaceDialog {
  /** `found` is told the feeling that was seen. */
  constructor(found) {
    this.found = found;
    this.dialog = find("face");
    this.video = find("face-video");
    this.stream = null;
    find("face-open").addEventListener("click", () => this.open());
    find("face-agree").addEventListener("click", () => this.start());
    find("face-take").addEventListener("click", () => this.take());
    find("face-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.stop());
  }

  open() {
    this.stop();
    this.say("");
    this.dialog.showModal();
  }

  say(words) {
    find("face-result").textContent = words;
  }

  async start() {
    if (!navigator.mediaDevices) {
      this.say("Browsers give the camera only to pages at localhost or https. Choose a feeling by hand, or open the dashboard on its own machine.");
      return;
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: WIDTH } } });
      this.stop();
      if (!this.dialog.open) {
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      this.stream = stream;
      this.video.srcObject = stream;
      await this.video.play();
    } catch (error) {
      this.stop();
      this.say(error.name === "NotAllowedError" ? "The camera was not allowed." : "There is no camera that can be used.");
      return;
    }
    this.say("");
    this.show(true);
  }

  /** Send what the camera sees now; the camera ends before the answer is there. */
  async take() {
    const scale = Math.min(1, WIDTH / this.video.videoWidth);
    const canvas = new OffscreenCanvas(Math.round(this.video.videoWidth * scale), Math.round(this.video.videoHeight * scale));
    canvas.getContext("2d").drawImage(this.video, 0, 0, canvas.width, canvas.height);
    this.stop();
    this.say("Looking …");
    const body = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
    const answer = await fetch("library/face", { method: "POST", body }).catch(() => null);
    if (!this.dialog.open) return;
    if (!answer?.ok) {
      this.say(answer ? (await answer.text()).trim() : "The dashboard is not reached.");
      return;
    }
    this.dialog.close();
    this.found(await answer.json());
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = this.video.srcObject = null;
    this.show(false);
  }

  show(seen) {
    this.video.hidden = find("face-take").hidden = !seen;
    find("face-agree").hidden = seen;
  }
}
