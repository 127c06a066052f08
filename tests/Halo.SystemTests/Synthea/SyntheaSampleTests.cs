namespace Halo.SystemTests.Synthea;

public sealed class SyntheaSampleTests
{
    [Fact]
    public void The_sample_holds_every_kind_that_it_is_read_for()
    {
        Assert.SkipWhen(SyntheaHouse.Data is null, SyntheaTests.Absent);
        var tables = Directory.EnumerateFiles(SyntheaHouse.Data!, "*.csv").Select(SyntheaTable.Load).ToList();
        Assert.Equal(Enum.GetValues<ColumnKind>(), tables.SelectMany(t => t.Kinds).Distinct().Order());
        Assert.Contains(tables, t => t.Rows.Any(r => r.Contains("NaN")));
        Assert.Contains(tables, t => t.Rows.Any(r => r.Contains(null)));
    }
}
