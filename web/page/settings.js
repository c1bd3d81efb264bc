/** The form: what the visitor chose. */
import { byId, element } from './dom.js';
import { LEVELS } from './estimate.js';
import { memory } from './format.js';
import { devices } from './lockstep/lockstep.js';
import { chosenPrior } from './prior.js';
import { texts } from './texts.js';

const words = texts.settings;
const MIB = 2 ** 20;
const MEMORY_LIMITS = [512, 1024, 2048, 3072];
const BLOCK_SIZES = [1, 4, 16, 64];

/** Returns what is chosen at this moment. */
export function settings() {
  const prior = chosenPrior();
  return {
    level: Number(byId('level').value),
    device: byId('device').value,
    verify: byId('verify').checked,
    memoryLimit: Number(byId('memory-limit').value) * MIB,
    blockSize: Number(byId('block-size').value) * MIB,
    prior: prior?.bytes,
    priorHash: prior?.hash,
    embedPrior: prior !== undefined && byId('embed').checked,
  };
}

/** Fills the form; `changed` is called after each change of it. */
export function prepareSettings(changed) {
  byId('device').append(option('auto', words.deviceAuto), option('cpu', words.deviceCpu));
  fillSizes(byId('memory-limit'), MEMORY_LIMITS, 3072);
  fillSizes(byId('block-size'), BLOCK_SIZES, 16);
  byId('settings').addEventListener('input', () => {
    showLevel();
    changed();
  });
  showLevel();
}

/** Adds the WebGPU adapters to the devices. */
export async function listDevices() {
  for (const { id, name, software } of await devices()) {
    byId('device').append(option(id, software ? words.deviceSoftware(name) : words.deviceGpu(name)));
  }
}

function showLevel() {
  const slider = byId('level');
  const { layers, units } = LEVELS[slider.value];
  const text = words.levelValue(slider.value, words.levelWords[slider.value]);
  byId('level-value').textContent = text;
  slider.setAttribute('aria-valuetext', text);
  byId('level-model').textContent = layers === 0 ? words.levelWithout : words.levelWith(layers, units);
}

function fillSizes(select, sizes, chosen) {
  select.append(...sizes.map(mebibytes => option(mebibytes, memory(mebibytes * MIB))));
  select.value = chosen;
}

const option = (value, text) => element('option', { value }, text);
