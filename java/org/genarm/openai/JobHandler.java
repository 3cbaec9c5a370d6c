package org.genarm.openai;

/** An endpoint that generates. */
public interface JobHandler {
  /** What a request's body asks for; whatever cannot be served is an {@link OpenAiError} that names its field. */
  Job job(Fields body) throws InterruptedException;
}
