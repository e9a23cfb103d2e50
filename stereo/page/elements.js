// The parts of the page that Gradio does not have: <stereo-upload>, where a file is chosen, and <stereo-view>, a result.
import { PointCloud } from "./cloud.js";

const sheet = new CSSStyleSheet();
sheet.replaceSync(await (await fetch("page/elements.css")).text());

// What the user has set for one result stays for the next.
const kept = { split: 0.5, confidence: 0 };

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// Gradio changes the attributes of an element and empties it, so that what is drawn stands in a shadow tree.
class Part extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot === null) this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    this.attributeChangedCallback();
  }

  attributeChangedCallback() {
    if (this.shadowRoot === null || this.waiting) return;
    this.waiting = true; // for all attributes that change at once
    queueMicrotask(() => {
      this.waiting = false;
      if (this.isConnected) this.render();
    });
  }
}

// --------------------------------------------------------------------------------------------------------- upload

class StereoUpload extends Part {
  static observedAttributes = ["data-address", "data-version"];

  render() {
    const { label, hint, version, address } = this.dataset;
    this.input = make("input", { type: "file" });
    this.input.setAttribute("aria-label", label);
    this.picture = make("img", { alt: "", hidden: true });
    this.text = make("span", { className: "hint", textContent: hint });
    this.text.setAttribute("role", "status");
    const words = make("span", { className: "words" }, make("strong", { textContent: label }), this.text);
    const place = make("label", { className: "place" }, this.picture, words, this.input);
    this.shadowRoot.replaceChildren(place);
    if (version) this.showPicture(version, "example");
    this.input.addEventListener("change", () => this.input.files.length && this.send(this.input.files[0]));
    for (const name of ["dragover", "dragleave", "drop"]) {
      place.addEventListener(name, (event) => {
        event.preventDefault();
        place.classList.toggle("over", name === "dragover");
        if (name === "drop" && event.dataTransfer.files.length) this.send(event.dataTransfer.files[0]);
      });
    }
  }

  // The bytes alone are sent: what the file is called stays here.
  async send(file) {
    const most = Number(this.dataset.maxBytes);
    const name = file.name.replace(/[\u202a-\u202e\u2066-\u2069]/g, ""); // they would turn the text around
    this.input.value = "";
    this.picture.hidden = true;
    this.say("Sending …");
    try {
      if (file.size > most) throw new Error(`the file is larger than ${most / 2 ** 20} MB: make it smaller`);
      const response = await fetch(this.dataset.address, { method: "POST", body: file });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.problem);
      if (answer.width) this.showPicture(answer.version, `${name}, ${answer.width} × ${answer.height} px`);
      else {
        this.say([name, answer.note].filter(Boolean).join(": "));
        for (const other of this.parentElement.children) other.forget(); // a first file alone may have been too little
        document.querySelector("#filed").click();
      }
    } catch (error) {
      const gone = error instanceof TypeError; // no connection
      this.say(gone ? "It could not be sent: does the page's program still run?" : error.message, true);
    }
  }

  showPicture(version, text) {
    this.picture.src = `${this.dataset.address}.jpg?${version}`;
    this.picture.hidden = false;
    this.say(text);
  }

  forget() {
    if (this.text.classList.contains("wrong")) this.say(this.dataset.hint);
  }

  say(text, problem = false) {
    this.text.textContent = problem ? `${text[0].toUpperCase()}${text.slice(1)}.` : text;
    this.text.classList.toggle("wrong", problem);
  }
}

// --------------------------------------------------------------------------------------------------------- result

class StereoView extends Part {
  static observedAttributes = ["data-address", "data-version", "data-depth-factor", "data-offset"];

  async render() {
    const { version, width, height, end, scale, depthFactor, offset, png } = this.dataset;
    this.size = { width: Number(width), height: Number(height), step: Number(this.dataset.step) };
    this.depth = depthFactor === undefined ? null : { factor: Number(depthFactor), offset: Number(offset) };
    this.columns = Math.ceil(this.size.width / this.size.step);
    this.rows = Math.ceil(this.size.height / this.size.step);

    this.canvas = make("canvas", { width: this.columns, height: this.rows, tabIndex: 0 });
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "Left image and its disparity; the arrow keys move the read-out");
    this.mark = make("span", { className: "mark", hidden: true });
    this.readOut = make("output", { className: "read-out", textContent: "Point at the picture to read a value." });
    const ramp = make("span", { className: "ramp" });
    ramp.style.background = scale;
    const ends = make("p", { className: "scale" }, "0 px, far", ramp, `${Number(end).toFixed(0)} px, near`);
    const split = this.slider("Image or disparity", ["image", "disparity"], kept.split, (value) => {
      kept.split = value;
      this.draw();
    });
    this.share = make("span", { className: "hint" });
    const confidence = this.slider("Confidence of at least", ["0", "1"], kept.confidence, (value) => {
      kept.confidence = value;
      this.draw();
      clearTimeout(this.later);
      this.later = setTimeout(() => this.changeCloud(), 250);
    });
    confidence.append(this.share);
    this.cloud = make("div", { className: "cloud" });
    this.cloudLink = this.link("cloud.ply", "Point cloud, PLY", "needs a calibration", this.depth !== null);
    this.shadowRoot.replaceChildren(
      make("div", { className: "stage" }, this.canvas, this.mark),
      this.readOut,
      ends,
      split,
      confidence,
      make(
        "p",
        { className: "downloads" },
        this.link("disparity.pfm", "Disparity, PFM", "px"),
        this.link("disparity.png", "Disparity, PNG", png === "1" ? "16 bit, px × 256" : "too large for 16 bit", png === "1"),
        this.cloudLink,
      ),
      this.cloud,
    );
    this.listen();
    this.points = null;
    if (this.shownVersion !== version) {
      this.values = null;
      const [left, colors, data] = await Promise.all([
        this.picture("image.jpg"),
        this.picture("colors.png"),
        this.fetch("values"),
      ]);
      if (version !== this.dataset.version) return; // a newer one is on its way
      const count = this.columns * this.rows;
      const [disparity, trust] = [new Float32Array(data, 0, count), new Uint8Array(data, 4 * count, count)];
      this.values = { left, colors, disparity, trust };
      this.shownVersion = version;
    }
    this.draw();
    if (this.at) this.read(this.at.x, this.at.y);
    this.changeCloud();
  }

  slider(label, [low, high], value, changed) {
    const input = make("input", { type: "range", min: 0, max: 1, step: 0.01, value });
    const shown = make("output", { textContent: value.toFixed(2) });
    input.addEventListener("input", () => {
      shown.textContent = Number(input.value).toFixed(2);
      changed(Number(input.value));
    });
    const ends = make("span", { className: "ends" }, make("span", { textContent: low }), make("span", { textContent: high }));
    return make("label", { className: "slider" }, make("span", {}, label, low === "0" ? shown : ""), input, ends);
  }

  link(name, text, hint, there = true) {
    const link = make("a", { className: "download" }, text, make("small", { textContent: hint }));
    if (there) Object.assign(link, { href: `${this.dataset.address}/${name}?${this.dataset.version}`, download: name });
    else link.setAttribute("aria-disabled", "true");
    return link;
  }

  async picture(name) {
    const image = make("img", { src: `${this.dataset.address}/${name}?${this.dataset.version}` });
    await image.decode();
    return image;
  }

  async fetch(name, query = "") {
    const response = await fetch(`${this.dataset.address}/${name}?${this.dataset.version}${query}`);
    if (!response.ok) throw new Error((await response.json()).problem);
    return response.arrayBuffer();
  }

  // The left view up to the split, the disparity after it; what is not trusted is left out of the disparity.
  draw() {
    if (!this.values) return;
    const { left, colors, trust } = this.values;
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    const edge = Math.round((1 - kept.split) * this.columns);
    context.drawImage(colors, 0, 0);
    const least = Math.ceil(255 * kept.confidence);
    const pixels = context.getImageData(0, 0, this.columns, this.rows);
    let count = 0;
    for (let index = 0; index < trust.length; index++) {
      if (trust[index] >= least) count++;
      else pixels.data.fill(40, 4 * index, 4 * index + 3);
    }
    context.putImageData(pixels, 0, 0);
    if (edge > 0) context.drawImage(left, 0, 0, edge, this.rows, 0, 0, edge, this.rows);
    if (edge > 0 && edge < this.columns) {
      context.fillStyle = "#fff";
      context.fillRect(edge - 1, 0, 2, this.rows);
    }
    this.share.textContent = `${Math.floor((100 * count) / trust.length)} % of the pixels`;
  }

  listen() {
    const point = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      this.read(Math.floor(x * this.columns), Math.floor(y * this.rows));
    };
    this.canvas.addEventListener("pointermove", point);
    this.canvas.addEventListener("pointerdown", point);
    this.canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      if (!(event.key in steps)) return;
      event.preventDefault();
      const [x, y] = steps[event.key].map((step) => step * (event.shiftKey ? 10 : 1));
      const at = this.at ?? { x: this.columns >> 1, y: this.rows >> 1 };
      this.read(at.x + x, at.y + y);
    });
  }

  read(x, y) {
    if (!this.values) return;
    const at = { x: Math.min(Math.max(x, 0), this.columns - 1), y: Math.min(Math.max(y, 0), this.rows - 1) };
    this.at = at;
    const index = at.y * this.columns + at.x;
    const disparity = this.values.disparity[index];
    const parts = [`${disparity.toFixed(2)} px`];
    if (this.depth !== null) {
      const nearness = disparity + this.depth.offset;
      parts.push(nearness > 0 ? `${(this.depth.factor / nearness).toPrecision(4)} m` : "infinitely far");
    }
    parts.push(`confidence ${(this.values.trust[index] / 255).toFixed(2)}`);
    const { step } = this.size;
    this.readOut.replaceChildren(make("strong", { textContent: parts.join(" · ") }), ` at x ${at.x * step}, y ${at.y * step}`);
    this.mark.hidden = false;
    this.mark.style.left = `${(100 * (at.x + 0.5)) / this.columns}%`;
    this.mark.style.top = `${(100 * (at.y + 0.5)) / this.rows}%`;
  }

  async changeCloud() {
    if (!this.isConnected) return;
    if (this.depth === null) {
      const text = "With a focal length and a baseline, the points in space are shown here.";
      this.cloud.replaceChildren(make("p", { className: "hint", textContent: text }));
      return;
    }
    const query = `&confidence=${kept.confidence}`;
    this.cloudLink.href = `${this.dataset.address}/cloud.ply?${this.dataset.version}${query}`;
    const wanted = (this.wanted = {});
    try {
      const data = await this.fetch("points", query);
      if (wanted !== this.wanted) return; // a newer one is on its way
      this.points ??= new PointCloud(this.cloud);
      const count = this.points.show(data);
      this.cloudLink.lastChild.textContent = `${count.toLocaleString("en")} points`;
    } catch (error) {
      this.cloud.replaceChildren(make("p", { className: "hint", textContent: error.message }));
    }
  }
}

customElements.define("stereo-upload", StereoUpload);
customElements.define("stereo-view", StereoView);
