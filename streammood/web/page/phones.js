// Addresses of the phone view with their QR codes, and the short code to type where no camera helps.

import { make } from "./dom.js";

/** Show them in `list`; false where there are none. */
export async function showPhones(list) {
  const answer = await fetch("addresses").catch(() => null);
  const { phone = [], short = "" } = answer?.ok ? await answer.json() : {};
  list.replaceChildren(...phone.map((one) => withCode(one, short)));
  return phone.length > 0;
}

/** An address with its QR code; `short`: the code to type at the address without its token. */
export function withCode({ address, code }, short = "") {
  const image = make("img", { src: code, alt: `QR code of ${address}`, width: 200, height: 200 });
  const typed = make("span", {}, `or open ${address.split("?")[0].replace("http://", "")} and type `, make("strong", { class: "short", text: short }));
  return make("li", {}, image, make("a", { href: address, text: address }), ...(short ? [typed] : []));
}
