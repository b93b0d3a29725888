// What the benchmark measured, as $defs/samples of bench/schema.json.

export function samples(rows, { engine, begin, end, version }) {
  const isa = engine === "relaxed" ? "relaxedsimd" : "simd128";
  const taken = (time) => ({ unix_time: time / 1000, files: {} });
  return {
    format: "dcelite-bench-samples",
    version: 2,
    created: new Date(end).toISOString(),
    command: [],
    interrupted: false,
    notes: [`in a browser: ${navigator.userAgent}`],
    settings: { image: "synthetic", processors: null, runs: 5, seconds: 1.5, max_seconds: 1.5, warm_up: 10, block_ms: 1500, rounds_of_a_series: 1 },
    machine: { machine: "wasm32", emulated: false, dcelite: version, isas: [isa], android: null, files: {}, before: taken(begin), after: taken(end) },
    roofline: { multiply_adds_a_second: {}, copied_bytes_a_second: null, energy_source: null },
    results: rows.map(({ width, height, times, stages, load, first }) => ({
      label: `shipped ${isa}, ${navigator.userAgentData?.brands?.at(-1)?.brand ?? "browser"}`,
      model: "shipped", engine: "native", isa, precision: "float32", width, height, threads: 1,
      load_ms: load, first_ms: first,
      stage_runs_ms: { convert: times.map(() => 0), downsample: stages.downsample, network: stages.network, denoise: stages.denoise, curve: stages.curve, total: stages.total },
      samples: times.map((time) => ["run", 0, time]),
    })),
  };
}
