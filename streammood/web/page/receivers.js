// What to click in each receiver, in words and as a picture.

const SVG = "http://www.w3.org/2000/svg";

/** By preset: the program, the way through its menus, and the fields that must say so. */
const RECEIVERS = {
  resolume: { title: "Resolume", way: ["Preferences", "OSC"], fields: [["OSC Input", "on"], ["Incoming port", "PORT"]], note: "Turn Ableton Link off, or resync is ignored." },
  touchdesigner: { title: "TouchDesigner", way: ["OP", "CHOP", "OSC In"], fields: [["Active", "on"], ["Network Port", "PORT"]], note: "Every address becomes a channel." },
  qlcplus: { title: "QLC+", way: ["Inputs/Outputs", "Universe 1", "OSC"], fields: [["Input", "✓"], ["Port", "PORT"]], note: "Open config/qlcplus.qxw, then operate mode (Ctrl-F12)." },
  grandma3: { title: "grandMA3", way: ["Menu", "In & Out", "OSC"], fields: [["Enable Input", "on"], ["Receive", "on"], ["Receive Command", "on"], ["Port (UDP)", "PORT"]], note: "Page 1, executors 201 to 210." },
  madmapper: { title: "MadMapper", way: ["Preferences", "Controls", "OSC"], fields: [["Input port", "PORT"]], note: "Right-click a control, then Learn." },
  chataigne: { title: "Chataigne", way: ["Modules", "+", "Protocol", "OSC"], fields: [["Local port", "PORT"], ["Auto Add", "on"]], note: "Every address becomes a value." },
  chromatik: { title: "Chromatik", way: ["Right pane", "OSC · DMX · MIDI"], fields: [["Input", "on"], ["RX Port", "PORT"]], note: "Tempo clock source: OSC." },
  generic: { title: "Pure Data, Max, your own", way: ["netreceive -u -b PORT"], fields: [["oscparse", ""], ["route streammood", ""]], note: "One number to a message, each at its own address." },
};
const OTHER = { title: "Anything that takes OSC", way: ["OSC input"], fields: [["Protocol", "UDP"], ["Port", "PORT"]], note: "Every signal comes at its own address below /streammood." };

/** What the preset is called, what to click, and what else to know. */
export function describe(preset, port) {
  const { title, way, fields, note } = RECEIVERS[preset] ?? OTHER;
  const filled = (words) => words.replace("PORT", port);
  const steps = [`In ${title}: ${way.map(filled).join(" → ")}`, ...fields.map(([name, value]) => (value ? `${name}: ${filled(value)}` : name)), note];
  return { title, steps };
}

/** The window of the receiver with the fields that matter, as a picture. */
export function picture(preset, port) {
  const { title, way, fields } = RECEIVERS[preset] ?? OTHER;
  const svg = draw("svg", { viewBox: `0 0 320 ${78 + 30 * fields.length}`, role: "img", "aria-label": describe(preset, port).steps.slice(0, -1).join(", ") });
  const height = 74 + 30 * fields.length;
  svg.append(draw("rect", { x: 1, y: 1, width: 318, height, rx: 10, class: "window" }));
  svg.append(draw("path", { d: "M1 30h318", class: "edge" }));
  for (const x of [18, 34, 50]) svg.append(draw("circle", { cx: x, cy: 16, r: 5, class: "dot" }));
  svg.append(text(title, { x: 68, y: 21, class: "title" }));
  svg.append(text(way.join(" › ").replace("PORT", port), { x: 18, y: 54, class: "way" }));
  for (const [i, [name, value]] of fields.entries()) {
    const y = 68 + 30 * i;
    svg.append(text(name, { x: 18, y: y + 17, class: "name" }));
    if (!value) continue;
    const port_ = value === "PORT";
    svg.append(draw("rect", { x: 200, y, width: 100, height: 24, rx: 6, class: port_ ? "field wanted" : "field" }));
    svg.append(text(value.replace("PORT", port), { x: 250, y: y + 17, class: "value" }));
  }
  return svg;
}

function draw(tag, attributes) {
  const shape = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
  return shape;
}

function text(words, attributes) {
  const shape = draw("text", attributes);
  shape.textContent = words;
  return shape;
}
