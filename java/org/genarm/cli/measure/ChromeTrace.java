package org.genarm.cli.measure;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.genarm.binding.ProfiledOperation;
import org.genarm.engine.StepProfile;

/** Steps and their operations as Chrome's tracing and Perfetto read them. */
final class ChromeTrace {
  private ChromeTrace() {}

  static void write(Path file, List<StepProfile> steps) throws IOException {
    long origin = steps.isEmpty() ? 0 : steps.get(0).beginNanos();
    try (JsonGenerator json = new ObjectMapper().getFactory().createGenerator(Files.newBufferedWriter(file))) {
      json.writeStartObject();
      json.writeStringField("displayTimeUnit", "ns");
      json.writeArrayFieldStart("traceEvents");
      for (StepProfile step : steps) {
        begin(json, "step", step.beginNanos() - origin, step.nanos());
        json.writeNumberField("rows", step.rows());
        json.writeNumberField("drawn", step.drawn());
        end(json);
        for (ProfiledOperation operation : step.operations()) {
          begin(json, operation.operation(), operation.beginNanos() - origin, operation.nanos());
          json.writeNumberField("rows", operation.rows());
          json.writeNumberField("bytes", operation.bytes());
          json.writeNumberField("flops", operation.flops());
          end(json);
        }
      }
      json.writeEndArray();
      json.writeEndObject();
    }
  }

  /** Times in microseconds, as the format has them. */
  private static void begin(JsonGenerator json, String name, long nanos, long duration) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", name);
    json.writeStringField("ph", "X");
    json.writeNumberField("pid", 1);
    json.writeNumberField("tid", 1);
    json.writeNumberField("ts", nanos * 1e-3);
    json.writeNumberField("dur", duration * 1e-3);
    json.writeObjectFieldStart("args");
  }

  private static void end(JsonGenerator json) throws IOException {
    json.writeEndObject();
    json.writeEndObject();
  }
}
