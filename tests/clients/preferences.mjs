// The page with a preference-conditioned reward model (models/demo-parm, two objectives): node preferences.mjs URL
import assert from 'node:assert/strict';
import {launch} from './browser.mjs';

const [url] = process.argv.slice(2);
const context = await launch();
const page = await context.newPage();
const sent = [];
page.on('request', request => request.method() === 'POST' && sent.push(request.postDataJSON().guidance));

async function generate() {
  sent.length = 0;
  await page.click('#generate');
  await page.waitForFunction(() => /^Finished/.test(document.querySelector('#status').textContent), null,
    {timeout: 60_000});
  return page.textContent('#guided');
}

await page.goto(url);
await page.waitForSelector('.arm');
const sliders = ['parm, objective 1', 'parm, objective 2'].map(name => page.getByRole('slider', {name, exact: true}));
assert.deepEqual(await Promise.all(sliders.map(slider => slider.inputValue())), ['0.5', '0.5']);
await page.fill('#max-tokens', '60');

const even = await generate();
await sliders[0].fill('1');
await sliders[1].fill('0');
assert.deepEqual(await page.locator('#preferences output').allTextContents(), ['1.00', '0.00']);
const first = await generate();

assert.deepEqual(sent.map(guidance => guidance.preferences), [{parm: [1, 0]}, undefined], 'the base alone has none');
assert.notEqual(first, even);
await context.close();
console.log('playground: preferences reach the model');
