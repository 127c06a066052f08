using Halo.Contracts.Errors;

namespace Halo.Link.Rows;

/// <summary>Thrown by a sink that can take no more, as one whose spool is full: the statement is cancelled and the query fails with these words.</summary>
sealed class RowSinkException(ErrorDetails error) : Exception(error.ErrorMessage)
{
    public ErrorDetails Error { get; } = error;
}
