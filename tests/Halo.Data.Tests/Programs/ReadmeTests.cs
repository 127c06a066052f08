using Halo.Testing;

namespace Halo.Data.Tests.Programs;

/// <summary>The five lines of the README are the sample, and run.</summary>
public sealed class ReadmeTests
{
    [Fact]
    public Task The_first_program_by_Dapper_is_the_sample_and_gives_its_rows() => FirstProgram.VerifyAsync("FirstDapper");
}
