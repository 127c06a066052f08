using Halo.Testing;

namespace Halo.Client.Tests.Programs;

/// <summary>The first program that a developer copies from the README is the sample, and runs.</summary>
public sealed class ReadmeTests
{
    [Fact]
    public Task The_first_program_of_the_readme_is_the_sample_and_gives_its_rows() => FirstProgram.VerifyAsync("FirstQuery");
}
