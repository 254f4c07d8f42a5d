'use strict';
{
    // Values over time, drawn in the colours of the page, again whenever those or its width change.
    // `data-start` is the first of as many days as there are values: bars, and other series as
    // lines before them. `data-times` has a time for each value: lines with points.
    const HEIGHT = 180;
    const DAY = 86400;
    const DASHES = [[], [6, 4], [2, 3]];
    const drawn = new Map();

    const date = (seconds) => new Date(seconds * 1000).toLocaleDateString(
        'en-GB', {day: 'numeric', month: 'short', timeZone: 'UTC'});
    const number = (text) => (text === '' ? null : Number(text));

    function draw(place) {
        const values = place.dataset.values.split(';').map((row) => row.split(',').map(number));
        const isDaily = 'start' in place.dataset;
        const times = isDaily
            ? values[0].map((_, day) => Number(place.dataset.start) + day * DAY)
            : place.dataset.times.split(',').map(Number);
        const margin = isDaily ? DAY / 2 : Math.max(3600, (times.at(-1) - times[0]) * 0.03);
        const colour = (name) => getComputedStyle(place).getPropertyValue(name).trim();
        const axis = {
            stroke: colour('--body-quiet-color'),
            grid: {stroke: colour('--hairline-color'), width: 1},
            ticks: {show: false},
        };
        const own = {
            stroke: colour('--link-fg'),
            fill: `color-mix(in srgb, ${colour('--link-fg')} 20%, transparent)`,
            width: 1,
            points: {show: false},
            paths: uPlot.paths.bars({size: [0.7, 20]}),
        };
        const line = (position) => ({
            stroke: colour(position ? '--body-quiet-color' : '--link-fg'),
            width: position ? 1.5 : 2,
            dash: DASHES[position % DASHES.length],
            spanGaps: true,
            points: {show: !isDaily, size: 6},
        });
        if (drawn.has(place)) {
            drawn.get(place).destroy();
        }
        drawn.set(place, new uPlot({
            width: place.clientWidth,
            height: HEIGHT,
            tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'UTC'),
            cursor: {y: false, drag: {x: false}},
            legend: {show: false},
            scales: {
                x: {range: (plot, first, last) => [first - margin, last + margin]},
                y: {range: (plot, low, high) => [0, high * 1.05 || 1]},
            },
            axes: [{...axis, space: 80, size: 30, values: (plot, ticks) => ticks.map(date)}, {...axis, size: 60, values: (plot, ticks) => ticks.map((tick) => tick.toLocaleString('en-GB'))}],
            series: [{}, ...values.map((_, position) => (isDaily && !position ? own : line(position)))],
        }, [times, ...values], place));
    }

    const again = () => drawn.forEach((_, place) => draw(place));
    const widths = new ResizeObserver((entries) => entries.forEach((entry) => {
        const chart = drawn.get(entry.target);
        if (!chart || chart.width !== entry.target.clientWidth) {
            draw(entry.target);
        }
    }));
    // Parts of a page come later, and go again.
    const look = () => {
        drawn.forEach((chart, place) => {
            if (!place.isConnected) {
                widths.unobserve(place);
                chart.destroy();
                drawn.delete(place);
            }
        });
        document.querySelectorAll('.chart').forEach((place) => widths.observe(place));
    };
    look();
    document.addEventListener('htmx:after:swap', look);
    new MutationObserver(again).observe(document.documentElement, {attributeFilter: ['data-theme']});
    window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
}
