//! Creation bytecode of the contracts, out of npm packages that are pinned by SHA-512.
//!
//! The packages are not part of this repository: their licences differ from its own. They are read
//! from a folder that `cargo xtask vectors amm` fills.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha512};

/// A package, its SHA-512 and the artifacts that are used, each under a name of ours.
struct Package {
    file: &'static str,
    sha512: &'static str,
    artifacts: &'static [(&'static str, &'static str)],
}

const PACKAGES: [Package; 4] = [
    Package {
        file: "v3-core-1.0.1.tgz",
        sha512: "ee9564e21126d348fdb5cef563dfacb18a4eeb2b64788d32ed613d3fa51c98dce1c4f78f\
                 c32031226ba156c4ea58af5816fce0b6fcc91e2eb8a419788d4cca31",
        artifacts: &[(
            "v3 factory",
            "package/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json",
        )],
    },
    Package {
        file: "v2-core-1.0.1.tgz",
        sha512: "32dc9bb6450f4b2caca8b636536d743410de0875fe96d1edde800319d8eaa13859685443\
                 2b033a93535bdc5d00de1939870b90bf2b455a1ad61ce12aea7549f1",
        artifacts: &[("v2 factory", "package/build/UniswapV2Factory.json")],
    },
    Package {
        file: "v4-core-1.0.2.tgz",
        sha512: "5f5e539b6c1677e512033104c4c6e8fa0f67680e9037a98f8169b43330f044d94e7da365\
                 7a97d4a52cadf514ab51f10e0eca706f259b70b83ab799f073f7bb96",
        artifacts: &[
            ("v4 manager", "package/out/PoolManager.sol/PoolManager.json"),
            ("v4 swap", "package/out/PoolSwapTest.sol/PoolSwapTest.json"),
            (
                "v4 modify",
                "package/out/PoolModifyLiquidityTestNoChecks.sol/\
                 PoolModifyLiquidityTestNoChecks.json",
            ),
        ],
    },
    Package {
        file: "contracts-4.9.6.tgz",
        sha512: "c5299ecd2ba92fecbd5641d92460e8081a669c1da880cd7771c6980d6a894df4b775bb87\
                 9208eec0315499a15ab8109ba1030607f4b952a525db2e785fdf4198",
        artifacts: &[("token", "package/build/contracts/ERC20PresetFixedSupply.json")],
    },
];

/// Creation bytecode by our names.
pub struct Artifacts(BTreeMap<&'static str, Vec<u8>>);

impl Artifacts {
    /// Reads and checks all packages; the error names the file and what is wrong with it.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let mut codes = BTreeMap::new();
        for package in &PACKAGES {
            let path = folder.join(package.file);
            let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let sum = Sha512::digest(&bytes);
            let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
            if sum != package.sha512 {
                return Err(format!(
                    "{}: SHA-512 is {sum}, pinned is {}; remove the file and download it again",
                    path.display(),
                    package.sha512
                ));
            }
            unpack(package, &bytes, &mut codes)?;
        }
        Ok(Self(codes))
    }

    /// The creation bytecode of a contract.
    pub fn code(&self, name: &str) -> Vec<u8> {
        self.0.get(name).cloned().expect("each name of the table is unpacked")
    }
}

fn unpack(
    package: &Package,
    bytes: &[u8],
    codes: &mut BTreeMap<&'static str, Vec<u8>>,
) -> Result<(), String> {
    let fail = |cause: String| format!("{}: {cause}", package.file);
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    for entry in archive.entries().map_err(|e| fail(e.to_string()))? {
        let mut entry = entry.map_err(|e| fail(e.to_string()))?;
        let path = entry.path().map_err(|e| fail(e.to_string()))?.display().to_string();
        let Some((name, _)) = package.artifacts.iter().find(|(_, wanted)| *wanted == path) else {
            continue;
        };
        let mut text = String::new();
        entry.read_to_string(&mut text).map_err(|e| fail(format!("{path}: {e}")))?;
        codes.insert(name, bytecode(&text).ok_or_else(|| fail(format!("{path}: no bytecode")))?);
    }
    match package.artifacts.iter().find(|(name, _)| !codes.contains_key(name)) {
        Some((_, path)) => Err(fail(format!("{path} is missing"))),
        None => Ok(()),
    }
}

/// Hardhat and Truffle write the hexadecimal text itself, Foundry an object around it.
fn bytecode(artifact: &str) -> Option<Vec<u8>> {
    let artifact: Value = serde_json::from_str(artifact).ok()?;
    let code = &artifact["bytecode"];
    let code = code.as_str().or_else(|| code["object"].as_str())?;
    let digits = code.strip_prefix("0x").unwrap_or(code);
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}
