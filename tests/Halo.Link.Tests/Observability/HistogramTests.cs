using System.Diagnostics.Metrics;
using Halo.Contracts.Queries;
using Halo.Link.Observability;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Observability;

public sealed class HistogramTests
{
    /// <summary>OpenTelemetry's own begin at 0, 5, 10: made for milliseconds, in seconds every query falls into the first.</summary>
    [Fact]
    public void Every_histogram_of_durations_has_buckets_that_fit_seconds()
    {
        var found = new List<Histogram<double>>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name == Telemetry.Name && instrument is Histogram<double> histogram)
                    found.Add(histogram);
                else if (instrument.Meter.Name == Telemetry.Name)
                    Assert.False(instrument.GetType().Name.StartsWith("Histogram", StringComparison.Ordinal), $"{instrument.Name} is not looked at here.");
            },
        };
        // An instrument exists once its class was used.
        Telemetry.Ended(QueryMode.Immediate, Ending.Successful, new(0.1, 0.2, 0.3));
        listener.Start();
        Assert.NotEmpty(found);
        Assert.All(found, histogram =>
        {
            Assert.Equal("s", histogram.Unit);
            var bounds = histogram.Advice?.HistogramBucketBoundaries ?? [];
            Assert.Equal(bounds.Order().Distinct(), bounds);
            // Parts of a millisecond, the usual query, and the longest export that settings allow to be told apart.
            Assert.True(bounds.Count(b => b <= 0.001) >= 2, histogram.Name);
            Assert.True(bounds.Count(b => b is > 0.001 and < 1) >= 6, histogram.Name);
            Assert.True(bounds.Count(b => b >= 1) >= 4 && bounds[^1] >= 1800, histogram.Name);
        });
    }
}
