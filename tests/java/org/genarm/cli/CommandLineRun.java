package org.genarm.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;

/** One run of the command line inside this JVM: what it printed where, and its exit code. */
public record CommandLineRun(int code, String out, String err) {
  public static CommandLineRun of(String... arguments) {
    return with(Map.of(), arguments);
  }

  static CommandLineRun with(Map<String, String> environment, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), environment, arguments);
    return new CommandLineRun(code, out.toString(), err.toString());
  }
}
