'use strict';

const $ = id => document.getElementById(id);
const RETRY_MS = 2000;
const NOISE = 0.25; // log-ratios closer to 0 than this have no colour

let arms = [];       // {name, slider, preference: [slider], empty where it is not conditioned on one}
let model = null;
let running = null;  // {abort, id, tokens, patching, patchAgain}
let tokens = [];     // of the guided text: {text, span, logprob, components}

// ---- asking the server

function headers() {
  const key = $('key').value;
  return {'Content-Type': 'application/json', ...(key ? {Authorization: 'Bearer ' + key} : {})};
}

async function refusal(response) {
  if (response.status === 401) $('key-field').hidden = false;
  try {
    return (await response.json()).error.message;
  } catch {
    return 'the server answers ' + response.status;
  }
}

function say(text, error = false) {
  $('status').textContent = text;
  $('status').classList.toggle('error', error);
}

async function findModels() {
  let response;
  try {
    response = await fetch('/v1/models', {headers: headers()});
  } catch {
    say('The server does not answer.', true);
    return;
  }
  if (!response.ok) {
    say(await refusal(response), true);
    if (response.status === 503) setTimeout(findModels, RETRY_MS);
    return;
  }
  const all = (await response.json()).data;
  model = all.find(one => one.kind === 'base').id;
  $('model').textContent = `${model}, at most ${all[0].max_model_len} tokens`;
  say('');
  showArms(all.filter(one => one.kind === 'arm'));
}

function showArms(found) {
  document.querySelectorAll('.arm').forEach(row => row.remove());
  arms = found.map(({id, weight, preference = []}) => ({
    name: id,
    slider: addSlider('arms', 'arm-' + id, id, {min: -3, max: 3, step: 0.05, value: weight}, changeGuidance),
    preference: preference.map((value, i) => addSlider(
      'preferences', `preference-${id}-${i + 1}`, `${id}, objective ${i + 1}`,
      {min: Math.min(0, value), max: Math.max(1, value), step: 0.01, value})),
  }));
  $('arms').hidden = arms.length === 0;
  $('preferences').hidden = arms.every(arm => arm.preference.length === 0);
  $('colour').replaceChildren(...[...arms.map(arm => arm.name), 'nothing'].map(name => new Option(name, name)));
}

function addSlider(group, id, name, range, changed = () => {}) {
  const row = document.createElement('div');
  row.className = 'arm';
  const slider = Object.assign(document.createElement('input'), {type: 'range', id, ...range});
  const label = Object.assign(document.createElement('label'), {htmlFor: id, textContent: name});
  const value = Object.assign(document.createElement('output'), {htmlFor: id});
  value.ariaHidden = 'true'; // the slider tells its value itself
  const show = () => value.textContent = Number(slider.value).toFixed(2);
  show();
  slider.addEventListener('input', () => {
    show();
    changed();
  });
  row.append(label, slider, value);
  $(group).append(row);
  return slider;
}

const weights = () => Object.fromEntries(arms.map(arm => [arm.name, Number(arm.slider.value)]));

const preferences = () => Object.fromEntries(arms.filter(arm => arm.preference.length > 0)
  .map(arm => [arm.name, arm.preference.map(slider => Number(slider.value))]));

// One change is under way at a time; the last value wins.
async function changeGuidance() {
  const run = running;
  if (!run || !run.id) return;
  if (run.patching) {
    run.patchAgain = true;
    return;
  }
  run.patching = true;
  const response = await fetch(`/v1/generations/${run.id}/guidance`,
    {method: 'PATCH', headers: headers(), body: JSON.stringify({weights: weights()})}).catch(() => null);
  run.patching = false;
  if (response && response.ok && run === running) markChange();
  if (run.patchAgain) {
    run.patchAgain = false;
    changeGuidance();
  }
}

// ---- streaming

function body(guided) {
  const prompt = $('prompt').value;
  const chat = $('mode').value === 'chat';
  const common = {
    model, stream: true, stream_options: {include_usage: true},
    max_tokens: Number($('max-tokens').value), temperature: Number($('temperature').value),
    seed: Number($('seed').value), ignore_eos: $('ignore-eos').checked,
    guidance: guided ? {weights: weights(), preferences: preferences(), components: true}
      : {weights: Object.fromEntries(arms.map(arm => [arm.name, 0]))},
  };
  return chat ? {...common, messages: [{role: 'user', content: prompt}]} : {...common, prompt};
}

async function* events(guided, signal) {
  const path = $('mode').value === 'chat' ? '/v1/chat/completions' : '/v1/completions';
  const response = await fetch(path, {method: 'POST', headers: headers(), body: JSON.stringify(body(guided)), signal});
  if (!response.ok) throw new Error(await refusal(response));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = '';
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    const parts = (held + value).split('\n\n');
    held = parts.pop();
    for (const part of parts) {
      const data = part.replace(/^data: /, '');
      if (data === '[DONE]') return;
      const event = JSON.parse(data);
      if (event.error) throw new Error(event.error.message);
      yield event;
    }
  }
}

// The tokens of a chunk: [{text, logprob, components}].
function tokensOf(choice) {
  const text = choice.text ?? choice.delta?.content ?? '';
  const logprobs = choice.logprobs;
  if (!logprobs) return [{text}];
  const all = logprobs.content
    ? logprobs.content.map(({token, logprob, components}) => ({text: token, logprob, components}))
    : logprobs.tokens.map((token, i) => ({text: token, logprob: logprobs.token_logprobs[i],
      components: Object.fromEntries(Object.entries(logprobs.components ?? {}).map(([name, list]) => [name, list[i]]))}));
  // A character of several tokens belongs to the last of them.
  if (all.map(token => token.text).join('') === text) return all;
  return all.length ? [{...all[all.length - 1], text}] : text ? [{text}] : [];
}

async function stream(guided, run) {
  const panel = $(guided ? 'guided' : 'base');
  const speed = $(guided ? 'guided-speed' : 'base-speed');
  const prompt = document.createElement('span');
  prompt.className = 'prompt';
  prompt.textContent = $('mode').value === 'chat' ? '' : $('prompt').value;
  panel.replaceChildren(prompt);
  panel.setAttribute('aria-busy', 'true');
  let count = 0;
  let first = 0;
  try {
    for await (const event of events(guided, run.abort.signal)) {
      if (guided) run.id = event.id;
      if (event.usage) count = event.usage.completion_tokens;
      const choice = event.choices[0];
      if (!choice) continue;
      first = first || performance.now();
      for (const token of tokensOf(choice)) {
        const span = document.createElement('span');
        span.textContent = token.text;
        panel.append(span);
        count++;
        if (guided) {
          tokens.push({...token, span});
          colour(tokens[tokens.length - 1]);
        }
      }
      const seconds = (performance.now() - first) / 1000;
      speed.textContent = seconds > 0.1 ? `${(count / seconds).toFixed(0)} tokens/s` : '';
      panel.scrollTop = panel.scrollHeight;
    }
  } finally {
    panel.setAttribute('aria-busy', 'false');
  }
  return `${guided ? 'guided' : 'base'} ${count} tokens`;
}

// ---- showing

// How much likelier the chosen reward model finds a token than the base does, in nats.
function ratio(token, arm) {
  const own = token.components?.[arm];
  return own == null ? 0 : own - token.components.base;
}

function colour(token) {
  const value = ratio(token, $('colour').value);
  const strength = Math.min(3, 1 + Math.floor((Math.abs(value) - NOISE) / 1.5));
  token.span.className = Math.abs(value) < NOISE ? '' : (value > 0 ? 'p' : 'n') + strength;
  token.span.title = arms.map(arm => `${arm.name} ${ratio(token, arm.name).toFixed(2)}`).join(', ');
}

function markChange() {
  const mark = document.createElement('span');
  mark.className = 'change';
  mark.title = Object.entries(weights()).map(([name, weight]) => `${name} ${weight.toFixed(2)}`).join(', ');
  $('guided').append(mark);
}

function showTable() {
  const row = (cells, tag) => {
    const line = document.createElement('tr');
    line.append(...cells.map(text => Object.assign(document.createElement(tag), {textContent: text})));
    return line;
  };
  const names = ['base', ...arms.map(arm => arm.name)];
  $('tokens').tHead.replaceChildren(row(['token', 'guided', ...names], 'th'));
  $('tokens').tBodies[0].replaceChildren(...tokens.map(token => row(
    [JSON.stringify(token.text), token.logprob?.toFixed(2) ?? '',
      ...names.map(name => token.components?.[name]?.toFixed(2) ?? '')], 'td')));
}

async function generate(event) {
  event.preventDefault();
  if (running) return;
  if (!model) await findModels();
  if (!model) return;
  tokens = [];
  running = {abort: new AbortController()};
  $('generate').disabled = true;
  $('stop').disabled = false;
  say('Generating …');
  const run = running;
  const parts = await Promise.allSettled([stream(true, run), stream(false, run)]);
  running = null;
  $('generate').disabled = false;
  $('stop').disabled = true;
  showTable();
  const failed = parts.find(part => part.status === 'rejected');
  if (!failed) say('Finished: ' + parts.map(part => part.value).join(', ') + '.');
  else if (run.abort.signal.aborted) say('Stopped.');
  else say(failed.reason.message, true);
}

$('form').addEventListener('submit', generate);
$('stop').addEventListener('click', () => running?.abort.abort());
$('colour').addEventListener('change', () => tokens.forEach(colour));
$('key').addEventListener('change', findModels);
document.addEventListener('keydown', event => {
  if (event.key === 'Escape') running?.abort.abort();
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) $('form').requestSubmit();
});
findModels();
