// What opens over the page: the list of keys, and the addresses for other devices.

import { COMMANDS } from "./commands.js";
import { find, make } from "./dom.js";
import { keySymbol } from "./keys.js";
import { showPhones, withCode } from "./phones.js";

const OWN = [
  { keys: ["up", "down"], text: "choose a target" },
  { keys: ["?"], text: "this list" },
];

export function openDialog(id) {
  const dialog = find(id);
  if (id === "keys") showKeys();
  if (id === "devices") showDevices();
  dialog.showModal();
}

function showKeys() {
  const rows = [...COMMANDS.map((row) => ({ keys: row.keys.map(({ key }) => key), text: row.title })), ...OWN];
  const items = rows.filter(({ keys }) => keys.length).map(({ keys, text }) => {
    const shown = keys.flatMap((key) => [make("kbd", { text: keySymbol(key) }), " "]);
    return make("div", {}, make("dt", {}, ...shown), make("dd", { text }));
  });
  find("key-list").replaceChildren(...items);
}

async function showDevices() {
  const list = find("device-list");
  const answer = await fetch("addresses").catch(() => null);
  const { others = [] } = answer?.ok ? await answer.json() : {};
  find("device-none").hidden = others.length > 0;
  list.replaceChildren(...others.map((one) => withCode(one)));
  await showPhones(find("phone-list"));
}

for (const button of document.querySelectorAll("[data-dialog]")) {
  button.addEventListener("click", () => openDialog(button.dataset.dialog));
}
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
}
