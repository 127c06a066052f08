using Halo.Api.Queries.Schemas;
using Halo.Contracts.Sites;

namespace Halo.Api.Tests.Queries.Schemas;

public class SchemaDifferenceTests
{
    [Theory]
    [InlineData(8, 50, null)]
    [InlineData(200, 4, 46)]
    public void All_names_together_have_a_bound(int characters, int told, int? more)
    {
        SchemaTable Table(int number, string column) => new(null, $"t{number}", SchemaTableKind.Table, [.. Enumerable.Range(0, 20).Select(i => new SchemaColumn($"{column}{i}".PadRight(characters, 'x'), "int", true))]);
        DatabaseSchema Schema(string column) => new("main", default, column, [.. Enumerable.Range(0, 50).Select(i => Table(i, column))], []);
        var changed = SchemaDifference.Between(Schema("a"), Schema("b"));
        Assert.Equal((told, more), (changed.Changes!.Count, changed.MoreChanges));
    }
}
