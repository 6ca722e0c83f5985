// The connection to the server: comes back by itself, and knows how far the server's clock is from this page's.

const SILENT = 3000; // ms without a word after which the connection counts as lost
const FIRST_WAIT = 250; // ms before the first new attempt; each further one waits twice as long …
const LONGEST_WAIT = 5000; // … up to this
const PINGS = 16; // the quickest of the last ones gives the offset

export class Link {
  constructor() {
    this.connected = false;
    this.reason = "";
    this.refusals = 0;
    this.engines = [];
    this.colors = {};
    this.offset = 0; // s, server's clock minus this page's
    this.roundTrip = Infinity; // ms, of the ping that gave the offset
    this.listeners = {};
    this.pings = [];
    this.wait = FIRST_WAIT;
    this.receivedAt = performance.now();
    this.open();
    setInterval(() => this.watch(), 500);
    document.addEventListener("visibilitychange", () => document.hidden || this.watch());
  }

  on(type, listener) {
    (this.listeners[type] ??= []).push(listener);
  }

  emit(type, ...values) {
    for (const listener of this.listeners[type] ?? []) listener(...values);
  }

  /** Time on the server's clock in s, at a time of this page in ms. */
  serverTime(time = performance.now()) {
    return time / 1000 + this.offset;
  }

  command(name, args = [], engine = 0) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ command: name, arguments: args, engine }));
    else this.emit("ack", { name, ok: false, values: ["the dashboard is not reached"] }, engine);
  }

  open() {
    const address = new URL("ws", location.href); // relative: a proxy may serve the page below a path of its own
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.search = address.hash = "";
    const socket = new WebSocket(address);
    this.socket = socket;
    this.receivedAt = performance.now();
    socket.onmessage = (message) => socket === this.socket && this.take(JSON.parse(message.data));
    socket.onclose = (event) => socket === this.socket && this.lose(event.reason);
  }

  lose(reason = "") {
    this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
    if (!this.connected && !reason) this.checkSession();
    if (this.connected || reason !== this.reason) {
      this.connected = false;
      this.reason = reason; // that the server gave, such as that too many pages are open
      this.emit("link");
    }
    setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(LONGEST_WAIT, 2 * this.wait);
  }

  /** The dashboard was started anew, with another token: have the page that asks for it. */
  async checkSession() {
    const answer = await fetch("songs").catch(() => null);
    if (answer?.status === 401) location.reload();
    this.refusals = answer?.ok ? this.refusals + 1 : 0; // once may be a server that has just come back
    if (this.refusals > 1 && !this.connected) {
      this.reason = "its socket is refused; behind a proxy, list this address in dashboard.names";
      this.emit("link");
    }
  }

  watch() {
    if (!this.socket) return;
    if (performance.now() - this.receivedAt > SILENT) this.lose();
    else if (this.connected) this.ping();
  }

  ping() {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ ping: performance.now() }));
  }

  take(message) {
    this.receivedAt = performance.now();
    switch (message.type) {
      case "hello":
        return this.begin(message);
      case "pong":
        return this.measure(message);
      case "here":
        return undefined;
      case "now":
        return this.update(message);
    }
    return this.emit(message.type, message, message.engine);
  }

  begin(message) {
    this.connected = true;
    this.reason = "";
    this.refusals = 0;
    this.wait = FIRST_WAIT;
    this.pings = [];
    this.offset = message.server - performance.now() / 1000;
    this.colors = message.colors;
    this.uploadLimit = message.uploadLimit;
    this.engines = message.engines;
    for (let i = 0; i < 5; i++) setTimeout(() => this.connected && this.ping(), 30 * i);
    this.emit("link");
    this.engines.forEach((engine, i) => this.emit("now", engine, i));
  }

  update(message) {
    const engine = this.engines[message.engine];
    Object.assign(engine.values, message.values);
    Object.assign(engine, { present: message.present, clock: message.clock });
    this.emit("now", engine, message.engine);
  }

  measure(message) {
    const now = performance.now();
    const trip = now - message.ping;
    this.pings.push({ trip, offset: message.server - (message.ping + trip / 2) / 1000 });
    if (this.pings.length > PINGS) this.pings.shift();
    const best = this.pings.reduce((a, b) => (b.trip < a.trip ? b : a));
    this.offset = best.offset;
    this.roundTrip = best.trip;
  }
}
