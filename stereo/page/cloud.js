// A point cloud to turn, drawn into a canvas point by point with a depth buffer: no library, and no graphics card.

const start = { yaw: 0.25, pitch: 0.12, zoom: 1 };
const kept = { ...start }; // as the user has turned the last cloud

export class PointCloud {
  constructor(parent) {
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "Point cloud; drag or use the arrow keys to turn it, plus and minus to zoom");
    const buttons = document.createElement("p");
    buttons.className = "buttons";
    for (const [text, label, act] of [
      ["+", "Nearer", () => (kept.zoom *= 1.25)],
      ["−", "Farther", () => (kept.zoom /= 1.25)],
      ["↺", "As the camera saw it", () => Object.assign(kept, { yaw: 0, pitch: 0, zoom: 1 })],
    ]) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: text, title: label });
      button.setAttribute("aria-label", label);
      button.addEventListener("click", () => this.change(act));
      buttons.append(button);
    }
    const hint = document.createElement("p");
    hint.className = "hint";
    hint.textContent = "Drag to turn; + and − zoom, and so does the wheel after a click.";
    parent.replaceChildren(this.canvas, buttons, hint);
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  // Five numbers on the cloud, then its points, then its colors; see points_for_view in results.py.
  show(data) {
    const [count, x, y, z, radius] = new Float32Array(data, 0, 5);
    const shown = (data.byteLength - 20) / 15;
    this.middle = [x, y, z];
    this.radius = radius || 1;
    this.points = new Float32Array(data, 20, 3 * shown);
    this.colors = new Uint8Array(data, 20 + 12 * shown, 3 * shown);
    this.draw();
    return count;
  }

  change(act) {
    act();
    kept.pitch = Math.min(Math.max(kept.pitch, -1.5), 1.5);
    kept.zoom = Math.min(Math.max(kept.zoom, 0.2), 20);
    if (!this.waiting) this.waiting = requestAnimationFrame(() => this.draw());
  }

  listen() {
    let last = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      last = event;
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (last === null || event.pointerId !== last.pointerId) return;
      const [across, down] = [event.clientX - last.clientX, event.clientY - last.clientY];
      last = event;
      this.change(() => Object.assign(kept, { yaw: kept.yaw - across / 150, pitch: kept.pitch + down / 150 }));
    });
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, () => (last = null));
    this.canvas.addEventListener("wheel", (event) => {
      if (document.activeElement !== this.canvas) return; // the page scrolls
      event.preventDefault();
      this.change(() => (kept.zoom *= Math.exp(-event.deltaY / 500)));
    });
    const keys = {
      ArrowLeft: () => (kept.yaw -= 0.1),
      ArrowRight: () => (kept.yaw += 0.1),
      ArrowUp: () => (kept.pitch -= 0.1),
      ArrowDown: () => (kept.pitch += 0.1),
      "+": () => (kept.zoom *= 1.25),
      "-": () => (kept.zoom /= 1.25),
    };
    this.canvas.addEventListener("keydown", (event) => {
      if (!(event.key in keys)) return;
      event.preventDefault();
      this.change(keys[event.key]);
    });
  }

  draw() {
    this.waiting = null;
    const box = this.canvas.getBoundingClientRect();
    if (!this.points || !box.width) return;
    const ratio = Math.min(devicePixelRatio, 2);
    const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const nearest = new Float32Array(width * height).fill(Infinity);
    // The eye looks at the middle of the cloud from where all of it is seen; unturned, along the camera's axis.
    const far = (1.7 * this.radius) / kept.zoom;
    const focal = 1.1 * Math.min(width, 1.4 * height);
    const [sy, cy, sp, cp] = [Math.sin(kept.yaw), Math.cos(kept.yaw), Math.sin(kept.pitch), Math.cos(kept.pitch)];
    const { points, colors, middle } = this;
    for (let index = 0; index < points.length; index += 3) {
      const [x, y, z] = [points[index] - middle[0], points[index + 1] - middle[1], points[index + 2] - middle[2]];
      const right = cy * x - sy * z;
      const ahead = sy * x + cy * z;
      const below = cp * y - sp * ahead;
      const away = far + sp * y + cp * ahead;
      if (away < 0.02 * far) continue;
      const size = Math.min(Math.max(Math.round((ratio * 2.5 * far) / away), 1), 6);
      const column = Math.round(width / 2 + (focal * right) / away - size / 2);
      const row = Math.round(height / 2 + (focal * below) / away - size / 2);
      if (column < 0 || row < 0 || column + size > width || row + size > height) continue;
      const color = 0xff000000 | (colors[index + 2] << 16) | (colors[index + 1] << 8) | colors[index];
      for (let place = row * width + column, last = place + size * width; place < last; place += width) {
        for (let across = place; across < place + size; across++) {
          if (away >= nearest[across]) continue;
          nearest[across] = away;
          pixels[across] = color;
        }
      }
    }
    context.putImageData(image, 0, 0);
  }
}
