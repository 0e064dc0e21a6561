// What operators announce: on every page until it is read, on a page of its own, in both languages, and by mail.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { accessible } from './axe.mjs';
import { databases, member, openBrowser, openPage, openProduct } from './stage.mjs';

const products = {};
let browser;

before(async () => {
  for (const database of databases) products[database] = await openProduct(database);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  for (const product of Object.values(products)) await product.close();
});

const file = (head, title, en, de) => `+++
${head}
title = { en = "${title} (en)", de = "${title} (de)" }
+++
${en}
+++ de
${de}
`;

/** Writes a notice, looks at it, and lets it go; answers its id. */
async function announce(product, name, text) {
  const path = join(product.folder, `${name}.md`);
  await writeFile(path, text);
  const [, id] = (await product.run('notice', 'write', path)).match(/Written: (ntc_\w+)/);
  assert.match(await product.run('notice', 'preview', id), /mails to 2 people/);
  await assert.rejects(product.run('notice', 'send', id), /say --yes/);
  await product.run('notice', 'send', id, '--yes');
  return id;
}

const banner = (page, text) => page.getByRole('status').filter({ hasText: text });

for (const database of databases) {
  test(`a notice is on every page until it is read, and stays on its own (${database})`, {
    timeout: 180_000,
  }, async () => {
    const product = products[database];
    const anna = await member(product);
    const bruno = await member(product, { language: 'de', name: 'Brunos Räder' });

    // Nothing yet.
    const page = await openPage(browser, product, { as: anna });
    await page.goto('/notices');
    await page.getByText('Nothing was announced yet').waitFor();
    await accessible(page, 'no notices');

    const planned = file(
      'kind = "outage"\nstage = "planned"\nstarts_at = "2027-01-10T02:00:00Z"\nends_at = "2027-01-10T02:45:00Z"\neveryone = true',
      'Maintenance',
      'Bars **stay on**. <script>alert(1)</script>\n\n## What to do\n\n- Nothing\n- [Status](https://status.example/)',
      'Die Leisten **bleiben an**.',
    );
    const outage = await announce(product, 'outage', planned);
    await product.mail(anna.email, 'Planned outage: Maintenance (en)', 'Bars stay on.');
    await product.mail(bruno.email, 'Geplanter Ausfall: Maintenance (de)', 'bleiben an.');
    const feature = file(
      'kind = "feature"\neveryone = true',
      'Compare variants',
      'You can *compare*.',
      'Zu vergleichen.',
    );
    await announce(product, 'feature', feature);
    await product.mail(anna.email, 'New: Compare variants (en)');

    // On every page, the newest with how many others there are.
    for (const path of ['/bars', '/contacts', '/settings/profile']) {
      await page.goto(path);
      await banner(page, 'New: Compare variants (en)').getByText('and 1 other notice').waitFor();
    }
    await accessible(page, 'the banner');
    await banner(page, 'Compare variants').getByRole('button', { name: 'Mark as read' }).click();
    await banner(page, 'Planned outage: Maintenance (en)')
      .getByText(/From .* until /)
      .waitFor();
    await page.reload();
    await banner(page, 'Planned outage: Maintenance (en)').waitFor();
    assert.equal(await banner(page, 'Compare variants').count(), 0, 'read is read');

    // On the page of its own.
    await banner(page, 'Planned outage').getByRole('link', { name: 'See notices' }).click();
    await page.getByRole('heading', { name: 'Notices', exact: true }).waitFor();
    assert.equal(
      await page.getByRole('status').filter({ hasText: 'Planned outage' }).count(),
      0,
      'not twice',
    );
    const card = page.getByRole('region', { name: 'Maintenance (en)' });
    await card.getByText('<script>alert(1)</script>').waitFor(); // as text
    await card.getByRole('heading', { name: 'What to do' }).waitFor();
    assert.equal(await card.locator('strong').textContent(), 'stay on');
    await accessible(page, 'the notices');
    await card.getByRole('button', { name: 'Mark as read' }).click();
    await card.getByText('Read', { exact: true }).waitFor();
    await page.goto('/bars');
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByRole('button', { name: 'Your account' }).click();
    await page.getByRole('menuitem', { name: 'Notices' }).click();
    await page.getByRole('region', { name: 'Maintenance (en)' }).waitFor();

    // The outage goes on: its last word is shown, to those who were told of the plan.
    const over = file(
      `kind = "outage"\nstage = "over"\nfollows = "${outage}"`,
      'All is well',
      'It took three minutes.',
      'Es dauerte drei Minuten.',
    );
    await announce(product, 'over', over);
    await product.mail(bruno.email, 'Der Ausfall ist vorbei: All is well (de)');
    await page.goto('/bars');
    await banner(page, 'The outage is over: All is well (en)').waitFor();
    assert.deepEqual(page.faults, []);
    await page.context().close();

    // The same in German: the last word hides the plan.
    const german = await openPage(browser, product, { as: bruno, language: 'de' });
    await german.goto('/bars');
    await banner(german, 'Der Ausfall ist vorbei: All is well (de)')
      .getByText('und 1 weitere Mitteilung')
      .waitFor();
    await german.goto('/notices');
    await german.getByRole('region', { name: 'Compare variants (de)' }).waitFor();
    await accessible(german, 'the notices in German');
    assert.deepEqual(german.faults, []);
    await german.context().close();

    // A breach, to one of them alone.
    const opened = await product.run('breach', 'open', '--what', 'A disk was public.');
    const [, breach] = opened.match(/(brc_\w+), open/);
    assert.match(opened, /running[\s\S]*affected: not known yet/);
    await assert.rejects(product.run('breach', 'close', breach), /not on record who is affected/);
    await product.run('breach', 'affected', breach, '--member', bruno.session.member.member_id);
    const words = join(product.folder, 'breach.md');
    await writeFile(words, file('', 'A disk', 'Seen by others.', 'Von anderen gesehen.'));
    await product.run('breach', 'notify', breach, words, '--yes');
    await product.mail(bruno.email, 'Datenpanne: A disk (de)');
    const told = await openPage(browser, product, { as: bruno, language: 'de' });
    await told.goto('/bars');
    await told.getByRole('alert').filter({ hasText: 'Datenpanne: A disk (de)' }).waitFor();
    await accessible(told, 'a breach');
    assert.deepEqual(told.faults, []);
    await told.context().close();
    const report = join(product.folder, 'report.md');
    await writeFile(report, 'Disks are checked daily.');
    await product.run('breach', 'report', breach, report);
    await assert.rejects(product.run('breach', 'close', breach), /authority/);
    await product.run('breach', 'authority', breach, '--words', 'Reference 4711');
    assert.match(await product.run('breach', 'close', breach), /closed/);
  });
}
