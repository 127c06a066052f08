using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Admin;
using Halo.Testing;

namespace Halo.Api.Tests.Problems;

/// <summary>Whoever watches the log or the metrics hears of problems without asking.</summary>
public sealed class ProblemWatchTests
{
    [Fact]
    public async Task A_problem_is_logged_once_when_it_lasts_and_once_when_it_ends()
    {
        var time = new ManualTime();
        await using var host = await ApiHost.StartAsync(time, HostLines.Settings);
        var lines = HostLines.Of(host);
        Assert.Equal("0", await MetricAsync(host));
        var operators = new List<Guid>();
        // One more than is logged by a line of its own.
        for (var i = 0; i < 21; i++)
        {
            var asked = new CreateOperatorRequest($"Ann {i}", OperatorRole.Viewer, time.GetUtcNow().AddDays(13));
            operators.Add((await host.AdminAsync(HttpMethod.Post, "/admin/v1/operators", JsonSerializer.Serialize(asked, AdminJson.Default.CreateOperatorRequest)))
                .Deserialize(AdminJson.Default.NewOperator)!.Id);
        }
        await LookAsync(time, async () => await MetricAsync(host) == "21");
        await LookAsync(time, () => Task.FromResult(lines.With("Problem operatorKeyExpiring: 1 more").Count > 0));
        await LookAsync(time, () => Task.FromResult(true));
        Assert.Equal(20, lines.With("Warning: Problem operatorKeyExpiring: The key of operator Ann").Count);

        foreach (var id in operators)
        {
            using var revoked = await host.SendAsync(HttpMethod.Delete, $"/admin/v1/operators/{id}", adminKey: ApiHost.AdminKey);
            Assert.Equal(204, (int)revoked.StatusCode);
        }
        await LookAsync(time, () => Task.FromResult(lines.With("Information: Problem operatorKeyExpiring is over for 1 more.").Count > 0));
        Assert.Equal(20, lines.With("Information: Problem operatorKeyExpiring is over: ").Count);
        Assert.Equal(20, lines.With("Warning: Problem operatorKeyExpiring: The").Count);
        await Eventually.BecomesAsync(() => MetricAsync(host), count => count == "0");
    }

    static async Task LookAsync(ManualTime time, Func<Task<bool>> isDone)
    {
        await Until.TrueAsync(async () =>
        {
            time.Advance(TimeSpan.FromMinutes(1));
            return await isDone();
        });
    }

    static async Task<string?> MetricAsync(ApiHost host)
    {
        using var response = await host.SendAsync(HttpMethod.Get, "/metrics", adminKey: ApiHost.AdminKey);
        var line = (await response.Content.ReadAsStringAsync()).Split('\n').LastOrDefault(l => l.StartsWith("halo_problems{", StringComparison.Ordinal) && l.Contains($"\"{ProblemKinds.OperatorKeyExpiring}\"", StringComparison.Ordinal));
        return line?[(line.LastIndexOf(' ') + 1)..].Trim();
    }
}
