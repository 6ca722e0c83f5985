// A ribbon of moods over time. Each mood has a colour and a pattern, and where there is room its name stands in it.

const TILE = 8; // pixels
const DARK = "rgb(10 12 16 / 0.5)";
const PATTERNS = [
  [], // plain
  [[0, 8, 8, 0], [-4, 4, 4, -4], [4, 12, 12, 4]], // rising lines
  [[0, 2, 8, 2], [0, 6, 8, 6]], // lying lines
  [[2, 0, 2, 8], [6, 0, 6, 8]], // standing lines
  [[0, 0, 8, 8], [-4, 4, 4, 12], [4, -4, 12, 4]], // falling lines
  [[0, 4, 8, 4], [4, 0, 4, 8]], // a grid
];
const tiles = new Map();

/** A pattern of dark lines; moods beyond the sixth begin again. */
function tile(context, index) {
  const kind = index % PATTERNS.length;
  if (!tiles.has(kind)) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = TILE;
    const c = canvas.getContext("2d");
    c.strokeStyle = DARK;
    c.lineWidth = 1.6;
    for (const [x0, y0, x1, y1] of PATTERNS[kind]) {
      c.beginPath();
      c.moveTo(x0, y0);
      c.lineTo(x1, y1);
      c.stroke();
    }
    tiles.set(kind, canvas);
  }
  return context.createPattern(tiles.get(kind), "repeat");
}

/** Fill a rectangle with the colour and the pattern of the mood that is number `index`. */
function paint(c, x, y, width, height, colour, index) {
  c.fillStyle = colour;
  c.fillRect(x, y, width, height);
  c.fillStyle = tile(c, index);
  c.fillRect(x, y, width, height);
}

/** Paint `parts` of { from, to, label } in pixels; those that follow each other with one label become one. */
export function paintRibbon(c, parts, y, height, labels, colour) {
  const joined = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (last?.label === part.label && part.from - last.to < 1.5) last.to = part.to;
    else joined.push({ ...part });
  }
  c.font = `650 ${height - 4}px Inter, "Segoe UI", system-ui, sans-serif`;
  c.textBaseline = "middle";
  c.textAlign = "left";
  for (const { from, to, label } of joined) {
    paint(c, from, y, Math.max(1, to - from), height, colour(label), Math.max(0, labels.indexOf(label)));
    const words = [label, label.charAt(0)].find((text) => c.measureText(text).width + 8 < to - from);
    if (!words) continue;
    c.fillStyle = colour(label);
    c.fillRect(from + 2, y, c.measureText(words).width + 4, height);
    c.fillStyle = "#0a0c10";
    c.fillText(words, from + 4, y + height / 2 + 0.5);
  }
  c.fillStyle = "#0a0c10";
  for (const { from } of joined.slice(1)) c.fillRect(from - 0.5, y, 1, height);
}

/** Paint the mood that is number `index` onto a small canvas beside its name. */
export function paintSwatch(canvas, colour, index) {
  paint(canvas.getContext("2d"), 0, 0, canvas.width, canvas.height, colour, index);
}
