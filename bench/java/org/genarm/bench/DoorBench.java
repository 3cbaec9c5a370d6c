package org.genarm.bench;

import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import org.genarm.binding.EngineLimits;
import org.genarm.binding.NativeEngine;
import org.genarm.binding.door.Genarm;
import org.genarm.model.LoadOptions;
import org.genarm.model.Model;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What crossing the door costs: to be under 100 ns a call. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class DoorBench {
  private Device device;
  private Model model;
  private NativeEngine engine;

  @Setup
  public void open() {
    device = Device.open("cpu", 1);
    model = Model.load(device, Path.of("models/demo-base"), LoadOptions.AS_STORED);
    engine = NativeEngine.create(device, new EngineLimits(4096, 32, 8, 1, 1, 1, 0, 0, 16, 0, Dtype.F32, 1));
    engine.addView(model.weights(), 2);
    engine.start();
  }

  @TearDown
  public void close() {
    engine.close();
    model.close();
    device.close();
  }

  /** A call without arguments: the crossing alone. */
  @Benchmark
  public int crossing() {
    return Genarm.ga_abi_version();
  }

  /** A call with a handle, as every call of a step is. */
  @Benchmark
  public long callWithAHandle() {
    return engine.bytes();
  }

  /** What Java writes for one sequence of one lane that decodes. */
  @Benchmark
  public void describingAStep() {
    var step = engine.buffer();
    step.laneView.put(0, 0);
    step.lanePosition.put(0, 7);
    step.laneRows.put(0, 1);
    step.lanePages.put(0, 1);
    step.tokenIds.put(0, 5);
    step.termRow.put(0, 0);
    step.termWeight.put(0, 1);
    step.sequenceTerms.put(0, 1);
    step.sequenceSeed.put(0, 9);
    step.sequenceChoice.put(0, 0);
    step.sequencePosition.put(0, 8);
    step.sequenceTemperature.put(0, 1);
    step.sequenceTopK.put(0, 0);
    step.sequenceTopP.put(0, 1);
    step.sequenceMinP.put(0, 0);
    step.sequenceFlags.put(0, 0);
    step.counts(1, 1);
  }
}
