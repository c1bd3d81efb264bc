/**
 * All texts that a visitor sees. To translate the page, copy this file, translate the copy,
 * and let every `import` of `./texts.js` name the copy.
 *
 * Values of functions are strings already written in `language`, unless their name says `count`.
 */
export const texts = {
  language: 'en',

  head: {
    title: 'lockstep',
    titleBusy: percent => `${percent} · lockstep`,
    tagline: 'A lossless compressor with a neural network that learns while it works.',
    privacy: 'Nothing is uploaded: your files stay on this device, and the page works offline.',
    unsupported: 'This browser is too old for lockstep: it lacks vector instructions for WebAssembly. Chrome or Edge 100, Firefox 114, Safari 16.4 and later have them.',
  },

  drop: {
    title: 'Choose files, or drop them here',
    note: 'Archives (.lks) are decompressed, all other files are compressed.',
  },

  settings: {
    title: 'How to compress',
    level: 'Level',
    levelWords: ['', 'fastest', 'fast', 'steady', 'thorough', 'strong', 'stronger', 'slow', 'very slow', 'slowest'],
    levelValue: (level, word) => `${level}, ${word}`,
    levelWithout: 'Context mixing alone, without a network.',
    levelWith: (layersCount, units) => (layersCount === 1
      ? `Context mixing and a network of one layer of ${units} units.`
      : `Context mixing and a network of ${layersCount} layers of ${units} units.`),
    device: 'Device',
    deviceAuto: 'Choose for me',
    deviceCpu: 'CPU',
    deviceGpu: name => `GPU: ${name}`,
    deviceSoftware: name => `WebGPU in software: ${name}`,
    verify: 'Decode and compare before saving',
    start: 'Start',
  },

  guess: {
    example: (size, time, speed) => `One megabyte of English text: about ${size} in about ${time} (${speed}).`,
    files: (coded, raw, share, time) => `About ${coded} from ${raw} (${share}), in about ${time}.`,
    memory: size => `Needs about ${size} of memory.`,
    overLimit: limit => `That is more than the limit of ${limit} under Options.`,
  },

  options: {
    title: 'Options',
    memoryLimit: 'Memory limit',
    blockSize: 'Block size',
    blockNote: 'Larger blocks need more memory; smaller ones lose a little size.',
    prior: 'Prior',
    priorNote: 'A prior is a model learned from samples. It makes small files of the same kind much smaller, and decoding needs it again.',
    priorChosen: (name, hash) => `${name}, hash ${hash}`,
    priorRemove: 'Remove the prior',
    embed: 'Put the prior into the archive',
  },

  training: {
    title: 'Train a prior',
    note: 'Choose several files of one kind. The prior is trained at the level chosen above; that takes a while.',
    samples: 'Samples',
    start: 'Train',
    cancel: 'Cancel training',
    waiting: 'Waits for its turn.',
    running: (filesCount, size) => `Training on ${filesCount} ${filesCount === 1 ? 'file' : 'files'}, ${size}.`,
    cancelled: 'Training was cancelled.',
    done: (name, size, hash, time) => `${name}: ${size}, hash ${hash}, trained in ${time}.`,
    save: name => `Save ${name}`,
    use: 'Use it here',
    inUse: name => `${name} is in use now.`,
  },

  files: {
    title: 'Files',
    saveAll: countOfResults => `Save all ${countOfResults} results`,
  },

  job: {
    readyToCompress: (coded, time) => `Ready: about ${coded}, in about ${time}.`,
    ready: 'Ready.',
    readyToDecode: raw => `Ready: an archive of ${raw} of content.`,
    waiting: 'Waits for its turn.',
    compressing: percent => `Compressing: ${percent}`,
    verifying: percent => `Decoding and comparing: ${percent}`,
    decoding: percent => `Decompressing: ${percent}`,
    cancelled: 'Cancelled.',
    failed: 'Failed.',
    figures: parts => parts.join(' · '),
    bitsPerByte: bits => `${bits} bits per byte`,
    speed: (amount) => `${amount} a second`,
    timeLeft: time => `about ${time} left`,
    compressed: ({ raw, coded, share, bits }) => `${raw} to ${coded} bytes: ${share}, ${bits} bits per byte.`,
    decompressed: ({ raw, coded, share, bits }) => `${raw} bytes from ${coded}: ${share}, ${bits} bits per byte. All checksums are right.`,
    how: (engine, time) => `${engine}, ${time}.`,
    verified: 'Verified: decoded, and equal to the file.',
    progressLabel: name => `Progress of ${name}`,
    save: name => `Save ${name}`,
    cancel: 'Cancel',
    again: 'Run again',
    remove: 'Remove',
    withName: (action, name) => `${action}: ${name}`,
    deviceFailed: message => `The GPU failed, so the CPU goes on. The result is the same, it only takes longer. (${message})`,
  },

  announce: {
    added: countOfFiles => (countOfFiles === 1 ? 'One file added.' : `${countOfFiles} files added.`),
    job: (name, state) => `${name}: ${state}`,
    removed: name => `${name} was removed.`,
  },

  listing: {
    title: framesCount => (framesCount === 1 ? 'Content: one frame' : `Content: ${framesCount} frames`),
    frame: (raw, coded) => `${raw} bytes from ${coded}`,
    blocks: blocksCount => (blocksCount === 1 ? 'one block' : `${blocksCount} blocks`),
    methodUnknown: 'method known with the prior only',
    memory: size => `decoding needs ${size} of memory`,
    priorInside: hash => `its prior ${hash} is inside`,
    priorNeeded: hash => `needs the prior ${hash}`,
    more: framesCount => `${framesCount} more frames`,
    recovery: shares => `Recovery data: ${shares}.`,
    noRecovery: 'No recovery data.',
    damage: message => `Damaged: ${message}. Decompressing is tried all the same.`,
    noDamage: 'No damage shows before decompressing.',
    choosePrior: hash => `Choose the prior ${hash} under Options before you start.`,
  },

  chart: {
    title: 'Bits per byte along the file',
    summary: ({ first, last, lowest, highest }) => `Chart of bits per byte along the file: ${first} at the start, ${last} at the end so far; lowest ${lowest}, highest ${highest}.`,
    zero: '0',
  },

  how: {
    title: 'How it works',
    predict: 'lockstep goes through a file byte by byte. Before each byte it predicts which one comes next: the better the prediction, the fewer bits the byte costs.',
    learn: 'Many small models count what followed the same contexts earlier in the file. From level 3 on a neural network (an LSTM) works beside them. It starts with random weights and learns from the file while it compresses it. All predictions are mixed into one, and an arithmetic coder turns it into bits.',
    repeat: 'Decompressing runs the same models and repeats every step of the learning. All of it is computed in whole numbers, so every device gets the same bits: an archive that is made here decodes on every other device, and in the command lockstep.',
    now: 'At this moment',
    idle: 'Leave this open and start a job to see what the model predicts. A job that runs already is shown from its next part on, such as comparing.',
    source: name => `From ${name}:`,
    symbols: 'The last bytes, and what each of them cost',
    codes: transform => `The block has the transform “${transform}”: what is predicted are its codes, not bytes of the file.`,
    symbolCost: (symbol, bits) => `${symbol}: ${bits} bits`,
    legend: 'Bits',
    legendSteps: ['below 0.1', '0.1', '0.5', '1', '2', '4', '8 and more'],
    likeliest: 'What the network alone expected in place of the last one',
    noNetwork: 'This level has no network. Choose level 3 or higher to see what one expects.',
    came: 'this one came',
    symbolCame: (symbol, bits) => `What came was ${symbol}. After mixing, it cost ${bits} bits.`,
    space: '␣',
    newline: '⏎',
    tab: '⇥',
  },

  errors: {
    notAnArchive: () => 'This is not a lockstep archive. Rename it, without .lks at the end, if you want to compress it.',
    version: ({ version }) => `This archive has format version ${version}, which this page cannot read. Use a version of lockstep that writes it.`,
    truncated: () => 'The archive ends too early: a part of it is missing. Get the whole file once more, from where it came.',
    corrupt: () => 'The archive is damaged, so nothing of it is offered for saving. The command “lockstep -d --salvage” saves what can be had of it.',
    trailer: () => 'The end of the archive is damaged, though all content before it is right. The command “lockstep -d” writes the content.',
    priorMissing: ({ wanted }) => `Decoding needs the prior with the hash ${wanted}. Choose its file under Options, then run it again.`,
    priorUnfit: () => 'This file is not a prior, or one that does not fit here. Choose another one, or remove it under Options.',
    memoryLimit: ({ needed, limit }) => `This needs ${needed} of memory, and the limit is ${limit}. Choose a lower level, smaller blocks, or a higher limit under Options.`,
    outOfMemory: ({ needed }) => `The browser did not give the ${needed} of memory that this needs. Close other tabs, or choose a lower level or smaller blocks.`,
    sizeLimit: ({ limit }) => `The content is larger than ${limit}, which is the limit.`,
    options: ({ message }) => `These options do not go together. Choose another level or other options. (${message})`,
    noDevice: () => 'This device is not there any more, or cannot be used. Choose the CPU or another device, then run it again.',
    device: ({ message }) => `The device failed. Choose the CPU, then run it again. (${message})`,
    unreadable: () => 'The file cannot be read. It was changed, moved or deleted since you chose it, or it is a folder. Choose it again.',
    storageFull: () => 'The browser has no storage left for the result. Save and remove other results, free space on the disk, then run it again.',
    unwritable: () => 'The browser could not store the result. Save and remove other results, then run it again.',
    noSamples: () => 'The samples hold too little to train a prior from. Choose more files.',
    different: ({ at }) => `The archive does not decode to the file: byte ${at} differs. If the file was changed meanwhile, run it again; otherwise please report this fault. The archive was thrown away.`,
    crash: ({ message }) => `lockstep failed because of a fault of its own. The page goes on working; please report this. (${message})`,
    other: ({ message }) => `Something unexpected happened; run it again. (${message})`,
    unknownAmount: 'more than there is',
  },

  units: {
    bytes: ['bytes', 'kB', 'MB', 'GB', 'TB'],
    memory: ['bytes', 'KiB', 'MiB', 'GiB'],
    // The spaces between a number and its unit do not break.
    amount: (number, unit) => `${number}\u00a0${unit}`,
    seconds: seconds => `${seconds}\u00a0s`,
    minutes: (minutes, seconds) => `${minutes}\u00a0min ${seconds}\u00a0s`,
    hours: (hours, minutes) => `${hours}\u00a0h ${minutes}\u00a0min`,
    days: (days, hours) => `${days}\u00a0d ${hours}\u00a0h`,
  },
};
