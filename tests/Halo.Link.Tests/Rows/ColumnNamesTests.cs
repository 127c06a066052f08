using FsCheck;
using FsCheck.Fluent;
using Halo.Link.Rows;

namespace Halo.Link.Tests.Rows;

public sealed class ColumnNamesTests
{
    [Theory]
    [InlineData("a,b", "a,b")]
    [InlineData("a,,?column?", "a,Column2,Column3")]
    [InlineData("id,id,id", "id,id1,id2")]
    [InlineData("id,id,id1", "id,id2,id1")]
    [InlineData("id1,id,id", "id1,id,id2")]
    [InlineData(",Column1", "Column11,Column1")]
    [InlineData("Column2,", "Column2,Column21")]
    [InlineData("Id,id", "Id,id")]
    [InlineData("?column?,?column?", "Column1,Column2")]
    public void Every_column_has_a_name_of_its_own(string given, string expected) =>
        Assert.Equal(expected.Split(','), ColumnNames.MakeUnique(given.Split(',')));

    [Fact]
    public void A_broken_name_is_made_well_formed() =>
        Assert.Equal(["a\uFFFDb"], ColumnNames.MakeUnique(["a\uD800b"]));

    [Fact]
    public void No_column_is_lost_whatever_the_names() =>
        Prop.ForAll(
            ArbMap.Default.ArbFor<NonNull<string>[]>(),
            names =>
            {
                var few = names.Select(n => n.Get.Length > 2 ? n.Get[..2] : n.Get).ToArray();
                var unique = ColumnNames.MakeUnique(few);
                return unique.Length == few.Length && unique.Distinct(StringComparer.Ordinal).Count() == few.Length;
            }).QuickCheckThrowOnFailure();
}
