/** Starts the page. */
import { prepareDrop } from './drop.js';
import { byId, fillTexts } from './dom.js';
import { showGuess } from './guess.js';
import { sweep, version, warmUp } from './lockstep/lockstep.js';
import { keepOffline } from './offline.js';
import { preparePrediction } from './prediction.js';
import { preparePrior } from './prior.js';
import { addFiles, prepareQueue, readyJobs, showCards } from './queue.js';
import { listDevices, prepareSettings, settings } from './settings.js';
import { hasVectors } from './support.js';
import { texts } from './texts.js';
import { prepareTraining } from './training.js';
import { isBusy } from './turns.js';

const guess = () => showGuess(readyJobs(), settings());
const settingsChanged = () => {
  showCards();
  guess();
};

document.documentElement.lang = texts.language;
fillTexts(document);
byId('version').textContent = version;
byId('unsupported').hidden = hasVectors();
prepareSettings(settingsChanged);
preparePrior(settingsChanged);
prepareTraining(settings);
preparePrediction();
prepareQueue(guess);
prepareDrop(addFiles);
byId('page').hidden = false;

addEventListener('beforeunload', event => {
  if (isBusy()) {
    event.preventDefault();
  }
});

// Nothing here is needed before the first job, and none of it may keep the page from working.
const ignore = () => {};
sweep().catch(ignore);
listDevices().catch(ignore);
keepOffline().then(warmUp).catch(ignore);
