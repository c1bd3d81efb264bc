// Runs all kernels on Dawn, which has its own compiler for WGSL (Tint), and compares
// everything that they write with the CPU engine, word by word.
//
//   cargo run --example kernel_cases FOLDER
//   npm install webgpu && node scripts/dawn.mjs FOLDER
//
// The package is resolved from the current folder. Dawn refuses older versions of
// lavapipe; VK_DRIVER_FILES can name another driver, such as SwiftShader's.
//
// Exit code 1: a difference, an error, or no device.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = process.argv[2];
if (!folder) throw new Error('usage: node scripts/dawn.mjs FOLDER');
const { create, globals } = await import(pathToFileURL(createRequire(join(process.cwd(), 'x')).resolve('webgpu')));
Object.assign(globalThis, globals);

const { kernels, paramsBytes, cases } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'));
const blob = readFileSync(join(folder, 'cases.bin'));
const bytes = ([offset, length]) => blob.subarray(offset, offset + length);

// It must outlive every object that is created from it.
globalThis.gpu = create([]);
const adapter = await gpu.requestAdapter();
if (!adapter) throw new Error('Dawn found no device');
const { maxComputeWorkgroupStorageSize } = adapter.limits;
const device = await adapter.requestDevice({ requiredLimits: { maxComputeWorkgroupStorageSize } });
device.addEventListener('uncapturederror', ({ error }) => {
    throw new Error(error.message);
});

const { STORAGE, UNIFORM, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
const layouts = kernels.map(({ name, bindings }) => {
    const entry = (binding, buffer) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer });
    const entries = [entry(0, { type: 'uniform' }), entry(1, { type: 'uniform', hasDynamicOffset: true })];
    bindings.forEach(([, written], i) => entries.push(entry(2 + i, { type: written ? 'storage' : 'read-only-storage' })));
    return device.createBindGroupLayout({ label: name, entries });
});

const pipelines = new Map();
function pipeline(kernel, all) {
    const key = kernel + JSON.stringify(all);
    if (!pipelines.has(key)) {
        const { name, wgsl } = kernels[kernel];
        const constants = Object.fromEntries(Object.entries(all).filter(([name]) => wgsl.includes(`override ${name}`)));
        const module = device.createShaderModule({ label: name, code: wgsl });
        const layout = device.createPipelineLayout({ bindGroupLayouts: [layouts[kernel]] });
        pipelines.set(key, device.createComputePipeline({ label: name, layout, compute: { module, constants } }));
    }
    return pipelines.get(key);
}

function filled(contents, usage) {
    const buffer = device.createBuffer({ size: contents.length, usage: usage | COPY_DST });
    device.queue.writeBuffer(buffer, 0, contents);
    return buffer;
}

const differing = new Map();
for (const { constants, model, params, dispatches, before, after } of cases) {
    const uniforms = [model, params].map((part) => filled(bytes(part), UNIFORM));
    const buffers = before.map((part) => filled(bytes(part), STORAGE | COPY_SRC));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const [kernel, offset, workgroups] of dispatches) {
        const entries = [
            { binding: 0, resource: { buffer: uniforms[0] } },
            { binding: 1, resource: { buffer: uniforms[1], size: paramsBytes } },
        ];
        kernels[kernel].bindings.forEach(([buffer], i) => entries.push({ binding: 2 + i, resource: { buffer: buffers[buffer] } }));
        pass.setPipeline(pipeline(kernel, constants));
        pass.setBindGroup(0, device.createBindGroup({ layout: layouts[kernel], entries }), [offset]);
        pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    const copies = after.map(([buffer]) => {
        const { size } = buffers[buffer];
        const copy = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
        encoder.copyBufferToBuffer(buffers[buffer], 0, copy, 0, size);
        return copy;
    });
    device.queue.submit([encoder.finish()]);
    const name = kernels[dispatches.at(-1)[0]].name;
    const tally = differing.get(name) ?? { cases: 0, different: 0 };
    let same = true;
    for (const [i, copy] of copies.entries()) {
        await copy.mapAsync(GPUMapMode.READ);
        same &&= Buffer.from(copy.getMappedRange()).equals(bytes(after[i][1]));
        copy.destroy();
    }
    [...uniforms, ...buffers].forEach((buffer) => buffer.destroy());
    differing.set(name, { cases: tally.cases + 1, different: tally.different + !same });
}

console.log(`Dawn on ${adapter.info.description || adapter.info.device}`);
for (const [name, { cases, different }] of differing) {
    console.log(`${name.padEnd(20)} ${String(cases).padStart(4)} cases ${different ? `${different} DIFFER` : 'same'}`);
}
process.exit([...differing.values()].some(({ different }) => different) ? 1 : 0);
