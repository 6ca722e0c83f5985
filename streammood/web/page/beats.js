// When beats are shown: from predictions, so that a beat is on the screen when it sounds, whenever its message comes.

/** s. What is painted now is seen a frame later; half a frame more, and a beat is in the frame that is nearest to it. */
export const AHEAD = 1.5 / 60;
const NEAR = 0.4; // of a beat; what is closer is the same beat

/** The beats of an engine: predicted, and where it says nothing of the next one, as they are told. */
export class BeatClock {
  constructor() {
    this.due = null; // s, when some beat sounds
    this.period = 0; // s
    this.last = -Infinity; // s, the beat that was shown last
    this.known = null; // {at, number} of a beat that was told
    this.meter = 0; // beats in a bar, as the engine says; 0 where it does not know
    this.told = null; // a beat without a prediction, to be shown now
  }

  predict(due, period) {
    this.due = due;
    this.period = period;
  }

  /** The engine says that a beat sounded at `at`; `number` is its place in the bar, 0 where that is not known. */
  tell(at, number) {
    this.known = number ? { at, number } : null;
    if (this.due === null) this.told = { at, number };
  }

  /** The beat to show in a frame that is seen at `now`, if there is one: {at, number}. */
  advance(now) {
    if (this.told) {
      const beat = this.told;
      this.told = null;
      this.last = beat.at;
      return beat;
    }
    if (this.due === null || !(this.period > 0)) return null;
    const at = this.due + Math.floor((now - this.due) / this.period) * this.period; // the latest one
    if (at - this.last < NEAR * this.period) return null;
    const fresh = now - at < 0.5 * this.period; // after a pause, not what was missed
    this.last = at;
    return fresh ? { at, number: this.number(at) } : null;
  }

  number(at) {
    if (!this.known || !this.meter) return 0;
    const steps = Math.round((at - this.known.at) / this.period);
    return ((((this.known.number - 1 + steps) % this.meter) + this.meter) % this.meter) + 1;
  }

  /** 0 on the beat, rising to 1. */
  phase(now) {
    if (this.due === null || !(this.period > 0)) return null;
    return ((((now - this.due) / this.period) % 1) + 1) % 1;
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
