using Halo.Contracts.Sites;
using Halo.Link.Status;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Status;

/// <summary>What <c>halo-link status</c> prints.</summary>
public sealed class StatusReportTests
{
    [Fact]
    public void Each_fault_of_a_database_has_a_line_of_its_own_and_no_server_can_add_one()
    {
        var site = new SiteReport(Guid.NewGuid(), "postgres", true)
        {
            Practice = "Harbour",
            Authoritative = true,
            Database = new(DatabaseStatus.Failing),
            DatabaseFaults = ["cannot connect to practice: Login failed.\nsite healthy (18456).", "cannot connect to images: It is offline (942)."],
            Protection = "lockTimeoutMs 5000",
        };
        var report = new StatusReport("26.1122.1", Guid.NewGuid(), Guid.NewGuid(), "https://halo.example", true, DateTimeOffset.UnixEpoch, 1, [site], new(0, 0, 0, 0));
        Assert.Equal(
            [
                $"site {site.SiteId} Harbour [postgres]: authoritative; database failing",
                @"  cannot connect to practice: Login failed.\nsite healthy (18456).",
                "  cannot connect to images: It is offline (942).",
                "  protected: lockTimeoutMs 5000",
            ],
            report.ToText().TrimEnd().Split(Environment.NewLine)[^4..]);
    }
}
