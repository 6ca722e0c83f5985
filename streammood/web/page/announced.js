// Receivers that announce themselves in the network, to be chosen in place of typing host and port.

import { make, setText } from "./dom.js";

/** Look for them, and list them in `list` as buttons that give `choose` the one that is pressed; `note` says what else is to be said. */
export async function listAnnounced(list, note, choose) {
  setText(note, "Looking for receivers …");
  list.replaceChildren();
  const answer = await fetch("receivers").catch(() => null);
  const { receivers = [], why = "The dashboard is not reached." } = answer?.ok ? await answer.json() : {};
  setText(note, why || (receivers.length ? "Receivers that announce themselves:" : "No receiver announces itself; type its host and port."));
  for (const receiver of receivers) {
    const button = make("button", { type: "button" }, make("strong", { text: receiver.name }), make("span", { class: "quiet", text: `${receiver.host}:${receiver.port}` }));
    button.addEventListener("click", () => choose(receiver));
    list.append(make("li", {}, button));
  }
}
