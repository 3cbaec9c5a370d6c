package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.genarm.GenArm;
import org.genarm.Request;
import org.genarm.binding.ProfiledOperation;
import org.genarm.engine.StepProfile;

/**
 * What the machine reached in this call, as the limit of what an operation can reach.
 *
 * @param bytesPerSecond reading memory
 * @param flopsPerSecond in the fastest operation over a long prompt
 */
record Ceiling(double bytesPerSecond, double flopsPerSecond) {
  private static final int ROWS = 256;

  /** Reads memory with so many threads, and a prompt of up to 256 tokens. */
  static Ceiling measure(GenArm genArm, int numThreads) throws InterruptedException {
    double bytesPerSecond = MemoryBandwidth.measure(numThreads);
    List<StepProfile> steps = Collections.synchronizedList(new ArrayList<>());
    int[] prompt = new int[Math.min(ROWS, genArm.config().maxModelLen() - 1)];
    genArm.profile(steps::add);
    genArm.generate(Request.ofIds(prompt).seed(0).maxNewTokens(1).ignoreEos(true).build());
    genArm.profile(null);
    double flopsPerNano = steps.stream()
        .flatMap(step -> step.operations().stream())
        .mapToDouble(Ceiling::rate)
        .max()
        .orElse(1);
    return new Ceiling(bytesPerSecond, Math.max(flopsPerNano, 1e-3) * 1e9);
  }

  void put(ObjectNode report) {
    report.put("ceiling_gb_per_second", bytesPerSecond * 1e-9);
    report.put("ceiling_gflop_per_second", flopsPerSecond * 1e-9);
  }

  void print(PrintWriter out) {
    out.printf("ceiling: %.1f GB/s read from memory, %.0f GFLOP/s over a prompt%n",
        bytesPerSecond * 1e-9, flopsPerSecond * 1e-9);
  }

  private static double rate(ProfiledOperation operation) {
    return (double) operation.flops() / Math.max(1, operation.nanos());
  }
}
