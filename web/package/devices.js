/** The WebGPU adapters of this browser. */

/** Returns an adapter for each preference, one where both are the same. */
export async function devices() {
  const found = [];
  for (const id of ['high-performance', 'low-power']) {
    const adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: id });
    if (!adapter) continue;
    const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
    const name = description || [vendor, architecture || device].filter(Boolean).join(' ') || 'WebGPU';
    const software = Boolean(isFallbackAdapter ?? adapter.isFallbackAdapter) || /swiftshader|llvmpipe/i.test(`${name} ${architecture}`);
    if (found.every((other) => other.name !== name)) found.push({ id, name, software });
  }
  return found;
}
