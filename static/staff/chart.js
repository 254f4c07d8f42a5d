'use strict';
{
    // One value per day, drawn in the colours of the page, again whenever those or its width change.
    const HEIGHT = 180;
    const DAY = 86400;
    const drawn = new Map();

    const date = (seconds) => new Date(seconds * 1000).toLocaleDateString(
        'en-GB', {day: 'numeric', month: 'short', timeZone: 'UTC'});

    function draw(place) {
        const counts = place.dataset.counts.split(',').map(Number);
        const start = Number(place.dataset.start);
        const colour = (name) => getComputedStyle(place).getPropertyValue(name).trim();
        const axis = {
            stroke: colour('--body-quiet-color'),
            grid: {stroke: colour('--hairline-color'), width: 1},
            ticks: {show: false},
        };
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
                x: {range: (plot, first, last) => [first - DAY / 2, last + DAY / 2]},
                y: {range: (plot, low, high) => [0, high * 1.05 || 1]},
            },
            axes: [{...axis, space: 80, size: 30, values: (plot, ticks) => ticks.map(date)}, {...axis, size: 60, values: (plot, ticks) => ticks.map((tick) => tick.toLocaleString('en-GB'))}],
            series: [{}, {
                stroke: colour('--link-fg'),
                fill: `color-mix(in srgb, ${colour('--link-fg')} 20%, transparent)`,
                width: 1,
                points: {show: false},
                paths: uPlot.paths.bars({size: [0.7, 20]}),
            }],
        }, [counts.map((_, day) => start + day * DAY), counts], place));
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
