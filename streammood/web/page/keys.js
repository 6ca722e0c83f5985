// Keys: which command each gives comes from the table that the server has.

import { COMMANDS } from "./commands.js";

const NAMES = { " ": "space", ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", Escape: "escape" };
const SYMBOLS = { space: "Space", left: "←", right: "→", up: "↑", down: "↓" };

/** Every key that gives a command: { row, step }. */
export const KEYS = new Map(COMMANDS.flatMap((row) => row.keys.map(({ key, step }) => [key, { row, step }])));

/** The row of a command in the table. */
export const commandRow = (name) => COMMANDS.find((row) => row.name === name);

/** A key as it is shown to people. */
export const keySymbol = (key) => SYMBOLS[key] ?? key.toUpperCase();

/** The name of the pressed key, as the table writes it; empty where it belongs to the browser or the system. */
export function keyOf(event) {
  const typed = NAMES[event.key] ?? event.key.toLowerCase();
  const plain = /^[a-z0-9]$|^.{2,}$/.test(typed);
  // [ and ] need AltGr or Option on many keyboards; with a letter these are somebody else's
  if (!event.getModifierState("AltGraph") && (event.ctrlKey || event.metaKey || (event.altKey && plain))) return "";
  // where the letters are not Latin, the place of the key counts
  return typed.length === 1 && typed > "\x7f" && event.code.startsWith("Key") ? event.code.slice(3).toLowerCase() : typed;
}

/** Whether a key means something to the element that has the focus, so that it is no command. */
export function isTaken(element, key) {
  if (element.matches("input, textarea")) return true;
  if (element.matches("select")) return ["space", "enter", "up", "down", "left", "right"].includes(key);
  if (element.matches("button, summary")) return key === "space" || key === "enter";
  if (element.matches("a")) return key === "enter";
  if (element.matches("[role=slider]")) return ["left", "right", "up", "down", "home", "end"].includes(key);
  return element.matches("[role=log]") && (key === "up" || key === "down");
}

/** Panic works from everywhere: in fields, on every page, under every dialog. */
export function onPanic(panic) {
  const listen = (event) => {
    if (KEYS.get(keyOf(event))?.row.name !== "panic") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!event.repeat) panic();
  };
  document.addEventListener("keydown", listen, true);
}
