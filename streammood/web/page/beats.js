// When beats are shown: from predictions, so that a beat is on the screen when it sounds, whenever its message comes.

/** s. What is painted now is seen a frame later; half a frame more, and a beat is in the frame that is nearest to it. */
export const AHEAD = 1.5 / 60;
const NEAR = 0.4; // of a beat; what is closer is the same beat

/** The beats of an engine: counted on from where it says that one was, or, where it does not say, as they come. */
export class BeatClock {
  constructor() {
    this.clock = null; // {anchor, period, number, meter}: when some beat is (s), and its place in the bar (0: not known)
    this.last = -Infinity; // s, the beat that was shown last
    this.waiting = null; // a beat that came without a clock, to be shown now
  }

  /** Follow the clock of the server; null where nothing is known. */
  follow(clock) {
    this.clock = clock;
  }

  /** A beat sounded at `at`; `number` is its place in the bar, 0 where that is not known. */
  beat(at, number) {
    if (!this.clock) this.waiting = { at, number };
  }

  /** The beat to show in a frame that is seen at `now`, if there is one: {at, number}. */
  advance(now) {
    const { waiting, clock } = this;
    this.waiting = null;
    if (waiting) {
      this.last = waiting.at;
      return waiting;
    }
    if (!clock) return null;
    const steps = Math.floor((now - clock.anchor) / clock.period); // to the latest beat
    const at = clock.anchor + steps * clock.period;
    if (at - this.last < NEAR * clock.period) return null;
    this.last = at;
    if (now - at >= 0.5 * clock.period) return null; // after a pause, not what was missed
    const { number, meter } = clock;
    return { at, number: number && meter ? ((((number - 1 + steps) % meter) + meter) % meter) + 1 : 0 };
  }
}

/** The beats of a song: all known beforehand. */
export class SongBeats {
  constructor(beats) {
    this.beats = beats;
    this.meters = barLengths(beats);
    this.index = -1; // of the beat that was shown last
    this.at = 0;
  }

  /** Index of the latest beat at `time`, -1 before the first. */
  find(time) {
    let low = 0;
    let high = this.beats.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.beats[middle].time <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The beat to show at `time`, if one has come since the last call; none after a jump. */
  advance(time) {
    const index = this.find(time);
    const jumped = time < this.at || time - this.at > 0.5;
    this.at = time;
    const fresh = index !== this.index && index >= 0 && !jumped;
    this.index = index;
    return fresh ? this.beats[index] : null;
  }
}

/** For each beat, how many there are in its bar; 0 where bars are not known. */
function barLengths(beats) {
  const lengths = beats.map((beat) => beat.number);
  for (let i = beats.length - 2; i >= 0; i--) {
    if (beats[i].number && beats[i + 1].number > beats[i].number) lengths[i] = lengths[i + 1];
  }
  // the song ends within its last bar: that is as long as the one before
  const last = beats.findLastIndex((beat) => beat.number === 1);
  for (let i = last; last > 0 && i < beats.length; i++) lengths[i] = Math.max(lengths[i], beats[i].number && lengths[last - 1]);
  return lengths;
}
