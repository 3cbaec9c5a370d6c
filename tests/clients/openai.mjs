// OpenAI's own client for Node against a running server: node openai.mjs URL
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const [url] = process.argv.slice(2);
const client = new OpenAI({baseURL: url + '/v1', apiKey: 'none', maxRetries: 0});
const guidance = {weights: {positive: 1.5}, components: true};
const common = {model: 'demo-base', seed: 1, guidance};

const models = await client.models.list();
assert.deepEqual(models.data.map(model => model.id), ['demo-base', 'positive', 'plain']);
assert.equal((await client.models.retrieve('plain')).id, 'plain');

const chat = {...common, messages: [{role: 'user', content: 'The year'}], max_completion_tokens: 12};
const whole = await client.chat.completions.create({...chat, n: 2, logprobs: true, top_logprobs: 2});
assert.equal(whole.choices.length, 2);
assert.equal(whole.choices[0].logprobs.content[0].top_logprobs.length, 2);
assert.ok(Number.isFinite(whole.choices[0].logprobs.content[0].components.positive));
let text = '';
let usage = null;
for await (const chunk of await client.chat.completions.create(
    {...chat, stream: true, stream_options: {include_usage: true}})) {
  text += chunk.choices[0]?.delta.content ?? '';
  usage = chunk.usage ?? usage;
}
assert.equal(text, whole.choices[0].message.content);
assert.equal(usage.completion_tokens, 12);

const completion = {...common, prompt: 'The year', max_tokens: 12, echo: true, logprobs: 1, top_k: 50, min_p: 0.01};
const completed = await client.completions.create(completion);
text = '';
for await (const chunk of await client.completions.create({...completion, stream: true})) text += chunk.choices[0].text;
assert.equal(text, completed.choices[0].text);
assert.ok(text.startsWith('The year'));
assert.equal(completed.choices[0].logprobs.components.base.length, completed.choices[0].logprobs.tokens.length);

const stream = await client.completions.create({...common, prompt: 'The year', max_tokens: 480, stream: true});
let changed = 0;
for await (const chunk of stream) {
  if (changed++ === 0) {
    const answer = await client.patch(`/generations/${chunk.id}/guidance`, {body: {weights: {positive: -1}}});
    assert.equal(answer.weights.positive, -1);
    stream.controller.abort();
  }
}

await assert.rejects(client.completions.create({...completion, guidance: {weights: {joy: 1}}}),
  error => error instanceof OpenAI.BadRequestError && error.param === 'guidance.weights.joy');
await assert.rejects(client.completions.create({...completion, model: 'gpt-4'}), OpenAI.NotFoundError);
console.log('openai: everything was answered');
